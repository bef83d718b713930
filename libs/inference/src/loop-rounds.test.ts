// Loops whose variables do not change by the same in each round: they are given all rounds that they take.

import { attr } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { INT32 } from './sample-case.ts'
import {
  type Branches,
  bytesOf,
  constant,
  given,
  node,
  TYPES,
  whileOf,
} from './sample-conditions.ts'
import { compareOutcomes, startBoth } from './sample-outcomes.ts'
import { int32 } from './sample-tensors.ts'
import type { Tensors } from './servable.ts'

const { tensorflow, folder } = await startAround()

const OF_INT32 = { T: INT32 }
const limit = (name: string, value: number) => constant(name, int32([value], []))
const below: Branches[string] = {
  nodes: [limit('limit', 2000), node('less', 'Less', ['which', 'limit:output:0'], OF_INT32)],
  outputs: ['less:z:0'],
  returns: ['DT_BOOL'],
}
const half = [constant('half', floatTensor([0.5], [])), node('mul', 'Mul', ['x', 'half:output:0'])]

const loops: Record<string, Branches> = {
  'large steps first, and small ones then': {
    condition: below,
    body: {
      nodes: [
        limit('thousand', 1000),
        limit('large', 100),
        limit('small', 1),
        node('is_small', 'Less', ['which', 'thousand:output:0'], OF_INT32),
        node('by', 'SelectV2', ['is_small:z:0', 'large:output:0', 'small:output:0'], OF_INT32),
        node('add', 'AddV2', ['which', 'by:output:0'], OF_INT32),
        ...half,
      ],
      outputs: ['mul:z:0', 'add:z:0', 'is', 'text'],
      returns: TYPES,
    },
  },
  'steps that floats round': {
    condition: {
      nodes: [
        constant('one', floatTensor([1], [])),
        constant('axis', int32([0])),
        node('first', 'Max', ['x', 'axis:output:0'], {
          ...OF_INT32,
          T: attr.type('DT_FLOAT'),
          Tidx: INT32,
        }),
        node('less', 'Less', ['first:output:0', 'one:output:0']),
      ],
      outputs: ['less:z:0'],
      returns: ['DT_BOOL'],
    },
    body: {
      nodes: [
        constant('by', floatTensor([0.001], [])),
        node('more', 'AddV2', ['x', 'by:output:0']),
        limit('one', 1),
        node('add', 'AddV2', ['which', 'one:output:0'], OF_INT32),
      ],
      outputs: ['more:z:0', 'add:z:0', 'is', 'text'],
      returns: TYPES,
    },
  },
}
const requests: Record<string, Tensors> = {
  'large steps first, and small ones then': given({}),
  'steps that floats round': given({ x: floatTensor([0]) }),
}

test.each(Object.keys(loops))('%s', async (name) => {
  const bytes = bytesOf({
    branches: loops[name] ?? {},
    build: (to) =>
      to.add('StatelessWhile', 'y', ['x', 'which', 'is', 'text'], whileOf('condition', 'body')),
  })
  await using both = await startBoth(bytes, { folder, tensorflow })

  const answer = await both.fast.run('serving_default', requests[name] ?? {})
  const { agreement, reason } = await compareOutcomes(both, requests[name] ?? {})

  expect(answer['y']?.shape).toHaveLength(1)
  expect([agreement, reason]).toEqual(['agrees', undefined])
})
