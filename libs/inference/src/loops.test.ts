// Loops: as many rounds as TensorFlow takes, with the same outcome.

import { attr, type GraphBuilder } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { FLOAT, INT32 } from './sample-case.ts'
import {
  ALL,
  type Branches,
  bytesOf,
  constant,
  given,
  ifOf,
  node,
  TYPES,
  whileOf,
} from './sample-conditions.ts'
import { compareOutcomes, outcomeOf, startBoth } from './sample-outcomes.ts'
import { int32 } from './sample-tensors.ts'
import type { Tensors } from './servable.ts'

const { tensorflow, folder } = await startAround()

const OF_INT32 = { T: INT32 }
/** While `which` is below five. */
const below = {
  nodes: [
    constant('five', int32([5], [])),
    node('less', 'Less', ['which', 'five:output:0'], OF_INT32),
  ],
  outputs: ['less:z:0'],
  returns: ['DT_BOOL' as const],
}
const next = [
  constant('one', int32([1], [])),
  node('add', 'AddV2', ['which', 'one:output:0'], OF_INT32),
]
const half = [constant('half', floatTensor([0.5], [])), node('mul', 'Mul', ['x', 'half:output:0'])]
const counting: Branches = {
  below,
  halves: {
    nodes: [...next, ...half],
    outputs: ['mul:z:0', 'add:z:0', 'is', 'text'],
    returns: TYPES,
  },
  squares: {
    nodes: [
      node('square', 'Tanh', ['x']),
      node('if', 'StatelessIf', ['is', ...ALL], ifOf('negative', 'same')),
      node('sum', 'AddV2', ['square:y:0', 'if:output:0']),
      ...next,
    ],
    outputs: ['sum:z:0', 'add:z:0', 'is', 'text'],
    returns: TYPES,
  },
  nested: {
    nodes: [
      constant('zero', int32([3], [])),
      node(
        'inner',
        'StatelessWhile',
        ['x', 'zero:output:0', 'is', 'text'],
        whileOf('below', 'halves'),
      ),
      ...next,
    ],
    outputs: ['inner:output:0', 'add:z:0', 'is', 'text'],
    returns: TYPES,
  },
  looping: {
    nodes: [node('while', 'StatelessWhile', ALL, whileOf('below', 'halves'))],
    outputs: ['while:output:0'],
  },
  negative: { nodes: [node('neg', 'Neg', ['x'])], outputs: ['neg:y:0'] },
  same: { outputs: ['x'] },
  always: {
    nodes: [constant('yes', { dtype: 'DT_BOOL', shape: [], values: Uint8Array.of(1) })],
    outputs: ['yes:output:0'],
    returns: ['DT_BOOL'],
  },
}
const starts = [4, 5, 9, -3, 0].map((which): Tensors => ({ which: int32([which], []) }))

const start = async (build: (to: GraphBuilder) => void, branches: Branches = counting) =>
  await startBoth(bytesOf({ branches, build }), { folder, tensorflow })

test.each<[string, (to: GraphBuilder) => void]>([
  ['rounds are counted', (to) => to.add('While', 'y', ALL, whileOf('below', 'halves'))],
  ['conditions in a loop', (to) => to.add('StatelessWhile', 'y', ALL, whileOf('below', 'squares'))],
  ['a loop in a loop', (to) => to.add('StatelessWhile', 'y', ALL, whileOf('below', 'nested'))],
  ['a loop in a branch', (to) => to.add('If', 'y', ['is', ...ALL], ifOf('looping', 'negative'))],
])('%s', async (_, build) => {
  await using both = await start(build)

  for (const request of [
    ...starts,
    { is: { dtype: 'DT_BOOL', shape: [], values: Uint8Array.of(0) } as const },
  ]) {
    const { agreement, reason } = await compareOutcomes(both, given(request))

    expect([agreement, reason, request]).toEqual(['agrees', undefined, request])
  }
})

const neverEnding = (to: GraphBuilder) =>
  to.add('StatelessWhile', 'y', ALL, whileOf('always', 'halves'))

test('a loop that never ends is given up', async () => {
  const directory = await folder.add(bytesOf({ branches: counting, build: neverEnding }))
  const fast = await loadServable(directory, { engine: 'fast', tensorflow })

  expect(await outcomeOf(fast, given())).toHaveProperty('refused')

  await fast.close()
})

const LIST = { which: 'DT_INT32', list: 'DT_VARIANT', x: 'DT_FLOAT' } as const
const ELEMENT = { element_dtype: FLOAT }
/** Rounds until five, each of which writes at the rest of a third. */
const writing: Branches = {
  below: { ...below, args: LIST },
  body: {
    args: LIST,
    nodes: [
      ...next,
      ...half,
      constant('three', int32([3], [])),
      node('place', 'FloorMod', ['which', 'three:output:0'], OF_INT32),
      node('set', 'TensorListSetItem', ['list', 'place:z:0', 'x'], ELEMENT),
    ],
    outputs: ['add:z:0', 'set:output_handle:0', 'mul:z:0'],
    returns: ['DT_INT32', 'DT_VARIANT', 'DT_FLOAT'],
  },
}

/** What a loop writes into a list of so many elements, of which this shape is told. */
const stacked =
  (size: number, shape: readonly number[], count = -1) =>
  (to: GraphBuilder) => {
    to.constant('size', int32([size], []))
    to.constant('any', int32([-1]))
    to.constant('shape', int32([...shape]))
    to.add('TensorListReserve', 'list', ['any', 'size'], { ...ELEMENT, shape_type: INT32 })
    to.add('StatelessWhile', 'while', ['which', 'list', 'x'], {
      ...whileOf('below', 'body'),
      T: { kind: 'types', value: Object.values(LIST) },
    })
    const attrs = { ...ELEMENT, num_elements: attr.int(count) }
    to.add('TensorListStack', 'y', ['while:1', 'shape'], attrs)
  }

test.each<[number, number[], number?]>([
  [3, [-1]],
  [5, [-1]],
  [2, [-1]],
  [3, [3]],
  [3, [3], 3],
  [3, [3], 2],
  [3, [2]],
  [3, [1, 3]],
  [3, [-1, 3]],
])('a list of %s elements of %j that a loop writes, %s of them', async (size, shape, count) => {
  await using both = await start(stacked(size, shape, count), writing)

  for (const which of [4, 3, 2, 0, -5]) {
    const request = given({ which: int32([which], []) })
    const { agreement, reason } = await compareOutcomes(both, request)

    expect([agreement, reason, which]).toEqual(['agrees', undefined, which])
  }
})

test.each<[number[], number?]>([[[3]], [[5]], [[0]], [[3], 0], [[3], 1]])(
  'a list of no elements of %j, into which no round writes',
  async (shape, count) => {
    await using both = await start(stacked(0, shape, count), writing)

    const { agreement, reason } = await compareOutcomes(both, given({ which: int32([9], []) }))

    expect([agreement, reason]).toEqual(['agrees', undefined])
  },
)
