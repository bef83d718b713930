// Conditions of TensorFlow 1: the fast engines do what TensorFlow does, and nothing of what it leaves.

import { attr, type GraphBuilder } from '@drover/saved-model'
import { type DataType, floatTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { BOOL, FLOAT, INT32, STRING } from './sample-case.ts'
import { bytesOf, given } from './sample-conditions.ts'
import { compareOutcomes, startBoth } from './sample-outcomes.ts'
import { bool, int32 } from './sample-tensors.ts'
import type { Tensors } from './servable.ts'

const { tensorflow, folder } = await startAround()

const T = { T: FLOAT }

/** The branches of a condition, as `tf.cond` of TensorFlow 1 begins one. */
function begin(to: GraphBuilder, name: string, truth: string) {
  const id = to.add('Identity', `${name}/pred_id`, [truth], { T: BOOL })
  const pivot = to.add('Switch', `${name}/Switch`, [truth, truth], { T: BOOL })
  const isTrue = to.add('Identity', `${name}/switch_t`, [`${pivot}:1`], { T: BOOL })
  const isFalse = to.add('Identity', `${name}/switch_f`, [pivot], { T: BOOL })
  return {
    /** A tensor of outside, as the branch that is taken where the truth is one or the other sees it. */
    take: (input: string, is: boolean, type = FLOAT) => {
      const taken = to.add('Switch', `${name}/${input}/Switch_${is}`, [input, id], { T: type })
      return is ? `${taken}:1` : taken
    },
    /** A constant of a branch. */
    fixed: (value: number, is: boolean) =>
      to.add('Const', `${name}/Const_${value}`, [`^${is ? isTrue : isFalse}`], {
        dtype: FLOAT,
        value: { kind: 'tensor', value: floatTensor([value], []) },
      }),
    merge: (as: string, inputs: [isFalse: string, isTrue: string], type = FLOAT) =>
      to.add('Merge', as, inputs, { T: type, N: attr.int(2) }),
  }
}

/** Fails where `which` is outside of `x`. */
const risky = (to: GraphBuilder, x: string, which: string): string => {
  to.constant('axis', int32([0], []))
  return to.add('GatherV2', 'taken', [x, which, 'axis'], {
    Tparams: FLOAT,
    Tindices: INT32,
    Taxis: INT32,
  })
}
const outside = { which: int32([9], []) }
const no = { is: bool([0], []) }

test.each<[string, (to: GraphBuilder) => void, Tensors[], DataType?]>([
  [
    'a branch that would fail and is not taken',
    (to) => {
      const cond = begin(to, 'cond', 'is')
      const taken = risky(to, cond.take('x', true), cond.take('which', true, INT32))
      const neg = to.add('Neg', 'neg', [cond.take('x', false)], T)
      cond.merge('y', [neg, taken])
    },
    [{}, outside, no, { ...no, ...outside }],
  ],
  [
    'what comes from outside, and a constant of one branch',
    (to) => {
      const cond = begin(to, 'cond', 'is')
      cond.merge('y', [cond.fixed(5, false), cond.take('x', true)])
    },
    [{}, no],
  ],
  [
    'two outputs, the truths of which are in another order',
    (to) => {
      const cond = begin(to, 'cond', 'is')
      const one = cond.merge('one', [cond.fixed(5, false), cond.fixed(6, true)])
      const other = cond.merge('other', [cond.take('x', true), cond.fixed(8, false)])
      to.add('Sub', 'y', [one, other], T)
    },
    [{}, no],
  ],
  [
    'conditions in conditions',
    (to) => {
      const cond = begin(to, 'cond', 'is')
      const x = cond.take('x', true)
      to.add('Identity', 'inside', [x], T)
      to.add('Const', 'none', ['^inside'], {
        dtype: FLOAT,
        value: { kind: 'tensor', value: floatTensor([0], []) },
      })
      to.constant('at', int32([0]))
      to.add('Sum', 'sum', ['inside', 'at'], { T: FLOAT, Tidx: INT32 })
      to.add('Greater', 'more', ['sum', 'none'], T)
      const inner = begin(to, 'inner', 'more')
      to.add('Identity', 'which_inside', [cond.take('which', true, INT32)], { T: INT32 })
      const taken = risky(to, inner.take('inside', true), inner.take('which_inside', true, INT32))
      const merged = inner.merge('merged', [inner.fixed(7, false), taken])
      const tanh = to.add('Tanh', 'tanh', ['inside'], T)
      const both = to.add('AddV2', 'both', [merged, tanh], T)
      cond.merge('y', [cond.fixed(5, false), both])
    },
    [
      {},
      no,
      outside,
      { ...no, ...outside },
      { x: floatTensor([-9]), ...outside },
      { x: floatTensor([9]), is: bool([1], []) },
    ],
  ],
  [
    'one condition after the other',
    (to) => {
      const first = begin(to, 'first', 'is')
      const y = first.merge('half', [first.fixed(5, false), first.take('x', true)])
      const second = begin(to, 'second', 'is')
      second.merge('y', [to.add('Neg', 'neg', [second.take(y, false)], T), second.take(y, true)])
    },
    [{}, no],
  ],
  [
    'a truth that is known ahead, and an operation that only TensorFlow has where it does not hold',
    (to) => {
      to.constant('training', bool([0], []))
      const cond = begin(to, 'cond', 'training')
      const shape = to.add('Shape', 'shape', [cond.take('x', true)], { T: FLOAT, out_type: INT32 })
      const random = to.add('RandomUniform', 'random', [shape], { T: INT32, dtype: FLOAT })
      cond.merge('y', [cond.take('x', false), random])
    },
    [{}, no],
  ],
  [
    'texts',
    (to) => {
      const cond = begin(to, 'cond', 'is')
      const up = to.add('StringUpper', 'up', [cond.take('text', true, STRING)])
      const low = to.add('StringLower', 'low', [cond.take('text', false, STRING)])
      cond.merge('y', [low, up], STRING)
    },
    [{}, no],
    'DT_STRING',
  ],
  [
    'a truth that is no single one',
    (to) => {
      const cond = begin(to, 'cond', 'is')
      cond.merge('y', [cond.fixed(5, false), cond.fixed(6, true)])
    },
    [{ is: bool([1]) }, { is: bool([]) }, { is: bool([1, 0]) }, {}],
  ],
  [
    'a node that waits for a branch',
    (to) => {
      const cond = begin(to, 'cond', 'is')
      to.add('Identity', 'there', [cond.take('x', true)], T)
      const neg = to.add('Neg', 'neg', ['x', '^there'], T)
      cond.merge('y', [cond.fixed(5, false), neg])
    },
    [{}, no],
  ],
])('%s', async (_, build, requests, type = 'DT_FLOAT') => {
  const bytes = bytesOf({ branches: {}, build, type })
  await using both = await startBoth(bytes, { folder, tensorflow })

  for (const request of requests) {
    const { agreement, reason } = await compareOutcomes(both, given(request))

    expect([agreement, reason, request]).toEqual(['agrees', undefined, request])
  }
})
