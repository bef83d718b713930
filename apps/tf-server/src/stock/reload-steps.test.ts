import type { ServedModel } from '@drover/model-config'
import { expect, test } from 'vitest'
import { reloadSteps } from './reload-steps.ts'

type Short = readonly [name: string, versions: readonly number[], stable?: number]

const modelsOf = (...models: readonly Short[]) =>
  new Map(
    models.map(([name, versions, stable]): [string, ServedModel] => [
      name,
      {
        name,
        basePath: `/${name}`,
        versions: [...versions],
        labels: stable === undefined ? {} : { stable },
      },
    ]),
  )

test.each<[string, readonly Short[], readonly Short[], readonly (readonly Short[])[]]>([
  ['nothing moves: one step', [['a', [1], 1]], [['a', [1], 1]], [[['a', [1], 1]]]],
  ['without labels: one step', [['a', [1]]], [['a', [2]]], [[['a', [2]]]]],
  [
    'a model goes: one step',
    [
      ['a', [1], 1],
      ['b', [1], 1],
    ],
    [['b', [1], 1]],
    [[['b', [1], 1]]],
  ],
  [
    'a new model is loaded before it has labels',
    [['a', [1], 1]],
    [
      ['a', [1], 1],
      ['b', [3], 3],
    ],
    [
      [
        ['a', [1], 1],
        ['b', [3]],
      ],
      [
        ['a', [1], 1],
        ['b', [3], 3],
      ],
    ],
  ],
  [
    'a label moves while both versions are loaded',
    [
      ['a', [1], 1],
      ['b', [5], 5],
    ],
    [
      ['a', [2], 2],
      ['b', [5], 5],
    ],
    [
      [
        ['a', [2, 1], 1],
        ['b', [5], 5],
      ],
      [
        ['a', [2, 1], 2],
        ['b', [5], 5],
      ],
      [
        ['a', [2], 2],
        ['b', [5], 5],
      ],
    ],
  ],
  [
    'a label goes before its version',
    [['a', [1], 1]],
    [['a', [2]]],
    [[['a', [2, 1], 1]], [['a', [2, 1]]], [['a', [2]]]],
  ],
])('%s', (_, before, after, steps) => {
  const found = reloadSteps(modelsOf(...before), modelsOf(...after))

  expect(found.map((models) => [...models.values()])).toEqual(
    steps.map((models) => [...modelsOf(...models).values()]),
  )
})
