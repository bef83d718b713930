// What gradients are tried on.

import { attr } from '@drover/saved-model'
import { floatTensor, type Tensor } from '@drover/serving-api'
import { INT32, INT64, of } from './sample-case.ts'
import { A, type Case } from './sample-slices.ts'
import { double, int32, int64 } from './sample-tensors.ts'

const args = (first: Tensor, second: Tensor): readonly Case[] =>
  [0, 1].map((port) =>
    of('BroadcastGradientArgs', [first, second], {
      port,
      type: first.dtype === 'DT_INT64' ? 'DT_INT64' : 'DT_INT32',
      T: first.dtype === 'DT_INT64' ? INT64 : INT32,
    }),
  )

/** The parts of gradients. */
export const gradientCases: readonly Case[] = [
  ...args(int32([2, 3]), int32([2, 3])),
  ...args(int32([2, 1, 3]), int32([3])),
  ...args(int32([1, 1]), int32([1, 1])),
  ...args(int32([1, 1, 4]), int32([1, 5, 1])),
  ...args(int32([]), int32([2, 1])),
  ...args(int32([]), int32([])),
  ...args(int32([1]), int32([])),
  ...args(int32([0, 3]), int32([1, 3])),
  ...args(int64([4, 1]), int64([1, 2])),
  ...args(int32([2]), int32([3])),
  ...['SigmoidGrad', 'TanhGrad'].flatMap((op) => [
    of(op, [A, A]),
    of(op, [floatTensor([0.5, -0.25, 1, 0]), floatTensor([3, -2, 7, 1e30])]),
    of(op, [double([0.1, -1]), double([0.3, 1e-9])], {
      type: 'DT_DOUBLE',
      T: attr.type('DT_DOUBLE'),
    }),
    of(op, [floatTensor([]), floatTensor([])]),
  ]),
]
