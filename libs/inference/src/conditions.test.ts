// Conditions and assertions: the fast engines do what TensorFlow does, and nothing of what it leaves.

import { attr, type GraphBuilder } from '@drover/saved-model'
import { floatTensor, stringTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { FLOAT, INT32, STRING } from './sample-case.ts'
import {
  ALL,
  type Branches,
  bytesOf,
  caseOf,
  constant,
  given,
  ifOf,
  type Model,
  node,
} from './sample-conditions.ts'
import { compareOutcomes, startBoth } from './sample-outcomes.ts'
import { bool, int32 } from './sample-tensors.ts'
import type { Tensors } from './servable.ts'

const { tensorflow, folder } = await startAround()

const T = { T: FLOAT }

/** Gather fails where `which` is outside of `x`. */
const risky = [
  constant('axis', int32([0], [])),
  node('taken', 'GatherV2', ['x', 'which', 'axis:output:0'], {
    Tparams: FLOAT,
    Tindices: INT32,
    Taxis: INT32,
  }),
]
const plain: Branches = {
  risky: { nodes: risky, outputs: ['taken:output:0'] },
  negative: { nodes: [node('neg', 'Neg', ['x'])], outputs: ['neg:y:0'] },
  same: { outputs: ['x'] },
  fixed: { nodes: [constant('one', floatTensor([5], []))], outputs: ['one:output:0'] },
  nothing: { nodes: [constant('zero', floatTensor([0], []))], outputs: ['zero:output:0'] },
  nested: {
    nodes: [
      node('tanh', 'Tanh', ['x']),
      node('if', 'StatelessIf', ['is', ...ALL], ifOf('risky', 'negative')),
      node('sum', 'AddV2', ['if:output:0', 'tanh:y:0']),
    ],
    outputs: ['sum:z:0'],
  },
}
const upper = { nodes: [node('up', 'StringUpper', ['text'], {})], outputs: ['up:output:0'] }
const lower = { nodes: [node('low', 'StringLower', ['text'], {})], outputs: ['low:output:0'] }
const summed = (to: GraphBuilder) => {
  to.constant('axis', int32([0]))
  to.add('Sum', 'sum', ['x', 'axis'], { T: FLOAT, Tidx: INT32 })
  to.constant('zero', floatTensor([0], []))
  to.add('Greater', 'more', ['sum', 'zero'], T)
}
/** Asserts that the sum of a tangent is below two. */
const checking = [
  constant('axis', int32([0])),
  constant('two', floatTensor([2], [])),
  constant('says', stringTensor(['too much'], [])),
  node('tanh', 'Tanh', ['x']),
  node('sum', 'Sum', ['tanh:y:0', 'axis:output:0'], { T: FLOAT, Tidx: INT32 }),
  node('less', 'Less', ['sum:output:0', 'two:output:0']),
  node('assert', 'Assert', ['less:z:0', 'says:output:0', 'sum:output:0'], {
    T: attr.types(['DT_STRING', 'DT_FLOAT']),
    summarize: attr.int(3),
  }),
]
const many = floatTensor([9, 9, 9])

test.each<[string, Model, Tensors[]]>([
  [
    'a branch that would fail and is not taken',
    {
      branches: plain,
      build: (to) => to.add('If', 'y', ['is', ...ALL], ifOf('negative', 'risky')),
    },
    [
      {},
      { which: int32([9], []) },
      { is: bool([0], []) },
      { is: bool([0], []), which: int32([9], []) },
    ],
  ],
  [
    'what comes from outside, and a constant',
    {
      branches: plain,
      build: (to) => to.add('StatelessIf', 'y', ['is', ...ALL], ifOf('same', 'fixed')),
    },
    [{}, { is: bool([0], []) }],
  ],
  [
    'conditions in conditions',
    {
      branches: plain,
      build: (to) => to.add('If', 'y', ['more', ...ALL], ifOf('nested', 'fixed')),
    },
    [
      {},
      { is: bool([0], []) },
      { which: int32([9], []) },
      { x: floatTensor([-9]), which: int32([9], []) },
    ],
  ],
  [
    'a number for a truth value',
    {
      branches: plain,
      build: (to) =>
        to.add('If', 'y', ['x', ...ALL], ifOf('fixed', 'nothing', ['DT_FLOAT'], FLOAT)),
    },
    [
      {},
      { x: floatTensor([0], []) },
      { x: floatTensor([NaN], []) },
      { x: floatTensor([], [0]) },
      { x: floatTensor([0]) },
    ],
  ],
  [
    'a text for a truth value',
    {
      branches: plain,
      build: (to) =>
        to.add('If', 'y', ['text', ...ALL], ifOf('same', 'negative', ['DT_FLOAT'], STRING)),
    },
    [
      {},
      { text: stringTensor([''], []) },
      { text: stringTensor(['x'], []) },
      { text: stringTensor([], [0]) },
    ],
  ],
  [
    'cases, and numbers that are none of them',
    {
      branches: plain,
      build: (to) => to.add('Case', 'y', ['which', ...ALL], caseOf('same', 'negative', 'fixed')),
    },
    [0, 1, 2, 3, -1]
      .map((which) => ({ which: int32([which], []) }))
      .concat([{ which: int32([0]) }]),
  ],
  [
    'a condition that is known ahead',
    {
      branches: plain,
      build(to) {
        to.constant('no', bool([0], []))
        to.add('If', 'y', ['no', ...ALL], ifOf('risky', 'nested'))
      },
    },
    [{ which: int32([9], []) }, { is: bool([0], []), which: int32([9], []) }],
  ],
  [
    'branches of text, by a number that has been calculated',
    {
      branches: { upper, lower },
      type: 'DT_STRING',
      build: (to) => to.add('If', 'y', ['more', ...ALL], ifOf('upper', 'lower', ['DT_STRING'])),
    },
    [{}, { x: floatTensor([-1]) }],
  ],
  [
    'text in one branch, of which a number comes',
    {
      branches: {
        lengths: {
          nodes: [
            node('long', 'StringLength', ['text'], {}),
            node('floats', 'Cast', ['long:output:0'], { SrcT: INT32, DstT: FLOAT }),
            node('tanh', 'Tanh', ['floats:y:0']),
          ],
          outputs: ['tanh:y:0'],
        },
        same: { outputs: ['x'] },
      },
      build: (to) => to.add('If', 'y', ['is', ...ALL], ifOf('lengths', 'same')),
    },
    [{}, { is: bool([0], []) }],
  ],
  [
    'an assertion in a branch that gives what it has checked',
    {
      branches: {
        checked: { nodes: checking, outputs: ['sum:output:0'], effects: ['assert'] },
        same: { outputs: ['x'] },
      },
      build: (to) => to.add('If', 'y', ['is', ...ALL], ifOf('checked', 'same')),
    },
    [{}, { x: many }, { x: many, is: bool([0], []) }],
  ],
  [
    'a condition that does nothing but assert',
    {
      branches: {
        guard: { nodes: checking, outputs: ['is'], effects: ['assert'] },
        nothing: { outputs: ['is'] },
      },
      returns: ['DT_BOOL'],
      build(to) {
        to.add('If', 'guarded', ['is', ...ALL], ifOf('guard', 'nothing', ['DT_BOOL']))
        to.add('Neg', 'y', ['x', '^guarded'], T)
      },
    },
    [{}, { x: many }, { x: many, is: bool([0], []) }],
  ],
  [
    'an assertion in a condition in a condition',
    {
      branches: {
        guard: { nodes: checking, outputs: ['x'], effects: ['assert'] },
        outer: {
          nodes: [
            node('if', 'If', ['is', ...ALL], ifOf('guard', 'same')),
            node('neg', 'Neg', ['if:output:0']),
          ],
          outputs: ['neg:y:0'],
          effects: ['if'],
        },
        same: { outputs: ['x'] },
      },
      build: (to) => to.add('If', 'y', ['more', ...ALL], ifOf('outer', 'same')),
    },
    [{}, { x: many }, { x: many, is: bool([0], []) }, { x: floatTensor([-9]) }],
  ],
  [
    'assertions where it is known ahead that nobody comes',
    {
      branches: {
        guard: { nodes: checking, outputs: ['x'], effects: ['assert'] },
        outer: {
          nodes: [...checking, node('if', 'If', ['is', ...ALL], ifOf('guard', 'same'))],
          outputs: ['if:output:0'],
          effects: ['assert', 'if'],
        },
        same: { outputs: ['x'] },
      },
      build(to) {
        to.constant('no', bool([0], []))
        to.add('If', 'y', ['no', ...ALL], ifOf('outer', 'same'))
      },
    },
    [{}, { x: many }, { x: many, is: bool([0], []) }],
  ],
])('%s', async (_, model, requests) => {
  const build = (to: GraphBuilder) => {
    summed(to)
    model.build(to)
  }
  await using both = await startBoth(bytesOf({ ...model, build }), { folder, tensorflow })

  for (const request of requests) {
    const { agreement, reason } = await compareOutcomes(both, given(request))

    expect([agreement, reason, request]).toEqual(['agrees', undefined, request])
  }
})
