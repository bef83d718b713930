// What functions of numbers that came later are tried on: division and bits of integers, angles.

import { attr } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { BOOL, INT32, INT64, of } from './sample-case.ts'
import { A, B, type Case, CUBE, fixed, LONG, LONGS, POSITIVE } from './sample-slices.ts'
import { bool, double, int32, int64 } from './sample-tensors.ts'

const HALVES = floatTensor([-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.499, 7])
const WITHIN_ONE = floatTensor([-0.99, -0.5, -0.001, 0, 0.3, 0.9])
const INTS = int32([7, -7, 0, 100_000, -2_000_000_000, 3], [2, 3])
const LEAST = -(2n ** 63n)
const WIDE = int64(
  [2n ** 53n + 1n, -5, 2n ** 63n - 1n, 2n ** 60n + 1n, 2, -(2n ** 59n) - 3n],
  [2, 3],
)
const EXTREMES = int64(
  [1, 2 ** 31, 2 ** 32 - 1, -1, -(2 ** 31), -(2 ** 32) - 1, LEAST, -1n - LEAST, 5, -3, 2 ** 40, 7],
  [4, 3],
)
const HIGH = int64([3 * 10 ** 9, -3 * 10 ** 9, 2 ** 40 + 2 ** 31, -(2 ** 31) - 1])
const of32 = { type: 'DT_INT32', T: INT32 } as const
const of64 = { type: 'DT_INT64', T: INT64 } as const

const DIVISIONS = ['FloorDiv', 'FloorMod', 'TruncateDiv', 'TruncateMod', 'Mod']
const BITS = ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'LeftShift', 'RightShift']

/** Numbers by themselves, or two side by side. */
export const integerCases: readonly Case[] = [
  ...['Erfc', 'Rint', 'Round', 'Tan', 'Sinh', 'Cosh', 'Asinh', 'Atan'].map((op) =>
    of(op, [HALVES]),
  ),
  ...['Acos', 'Asin', 'Atanh'].map((op) => of(op, [WITHIN_ONE])),
  of('Acosh', [floatTensor([1, 1.5, 9])]),
  of('Inv', [HALVES]),
  of('Round', [INTS], of32),
  ...['Xlogy', 'Xdivy', 'Xlog1py'].flatMap((op) => [
    of(op, [A, POSITIVE]),
    of(op, [floatTensor([0, 1, 0]), floatTensor([0, 2, 5])]),
  ]),
  of('MulNoNan', [A, B]),
  of('MulNoNan', [floatTensor([Infinity, NaN, 2, 3]), floatTensor([0, 0, -0, 5])]),
  of('Atan2', [A, B]),
  of('Atan2', [floatTensor([0, 0, 1, -1, 0, -0]), floatTensor([1, -1, 0, 0, 0, -1])]),
  of('ApproximateEqual', [A, floatTensor([-2.4, -1, 0.2, 0.5, 3, 3], [2, 3])], {
    type: 'DT_BOOL',
    attrs: { tolerance: attr.float(0.15) },
  }),
  of('ApproximateEqual', [floatTensor([0, 1, 2, -3]), floatTensor([0.5, 0.5, 1, -3.5])], {
    type: 'DT_BOOL',
    attrs: { tolerance: attr.float(0.5) },
  }),
  of('ApproximateEqual', [double([0, 1, 2, 3]), double([0.1, 1.1, 2.2, 2.9])], {
    type: 'DT_BOOL',
    T: attr.type('DT_DOUBLE'),
    attrs: { tolerance: attr.float(0.1) },
  }),
  of('Softplus', [double([-1e10, -750, -40, 0, 0.5, 40, 750, 1e10])], {
    type: 'DT_DOUBLE',
    T: attr.type('DT_DOUBLE'),
  }),
  of('L2Loss', [A]),
  of('LeakyRelu', [A], { attrs: { alpha: attr.float(0.1) } }),
  of('AddN', [INTS, INTS], { ...of32, attrs: { N: attr.int(2) } }),
  ...['FloorDiv', 'FloorMod', 'TruncateMod', 'Mod'].flatMap((op) => [
    of(op, [A, B]),
    of(op, [floatTensor([-7, 7, -7, 7, 6]), floatTensor([3, -3, -3, 3, -3])]),
  ]),
  ...DIVISIONS.flatMap((op) => [
    of(op, [INTS, fixed(int32([7], []))], of32),
    of(op, [INTS, fixed(int32([-3, 2, -1]))], of32),
    of(op, [INTS, int32([-3, -1, 4])], of32),
    of(op, [LONG, LONGS], of64),
    of(op, [int64([LEAST + 1n, 2n ** 62n, -9n]), int64([-1, 3, 4])], of64),
  ]),
  ...BITS.flatMap((op) => [
    of(op, [INTS, int32([3, 1, 30])], of32),
    of(op, [INTS, fixed(int32([2], []))], of32),
  ]),
  // What is shifted to the right are int32 alone.
  ...BITS.slice(0, -1).map((op) => of(op, [LONG, int64([3, 1, 62])], of64)),
  of('Invert', [INTS], of32),
  of('Invert', [LONG], of64),
  ...[0, 1, 2, 3, 10].map((power) => of('Pow', [INTS, fixed(int32([power], []))], of32)),
  of('Pow', [LONG, fixed(int64([3], []))], of64),
  of('All', [bool([], [0, 2]), fixed(int32([0]))], { type: 'DT_BOOL', T: BOOL }),
  of('Any', [bool([], [2, 0]), fixed(int32([1]))], { type: 'DT_BOOL', T: BOOL }),
  of('ClipByValue', [CUBE, fixed(floatTensor([2], [])), fixed(floatTensor([-1], []))]),
  // Sums that no double holds, and that wrap.
  ...[[0], [1], [0, 1]].flatMap((axes) => [
    of('Sum', [WIDE, fixed(int32(axes))], of64),
    of(
      'Sum',
      [int32([2_147_483_647, 2_147_483_647, 5, 1, 1, -7], [2, 3]), fixed(int32(axes))],
      of32,
    ),
  ]),
  // Those of which the lower half has the upper bit.
  ...['Maximum', 'Minimum'].map((op) => of(op, [HIGH, int64([1, -1, 2 ** 31, 2 ** 40])], of64)),
  of('ClipByValue', [HIGH, fixed(int64([-5], [])), fixed(int64([2 ** 32 + 1], []))], of64),
  ...['Relu', 'Sign'].map((op) => of(op, [HIGH], of64)),
  ...['Max', 'Min'].flatMap((op) => [
    ...[[0], [1], [0, 1], []].map((axes) => of(op, [EXTREMES, fixed(int32(axes))], of64)),
    of(op, [EXTREMES, fixed(int32([1]))], { ...of64, attrs: { keep_dims: attr.bool(true) } }),
    of(op, [int64([], [2, 0]), fixed(int32([1]))], of64),
    of(op, [int64([], [0]), fixed(int32([0]))], of64),
  ]),
  of('LeftShift', [HIGH, int64([3, 1, 2 ** 31 + 7, 0])], of64),
  of('SelectV2', [bool([1, 0, 1]), LONG, fixed(int64([9], []))], of64),
  of('SelectV2', [bool([1, 0, 1]), INTS, INTS], of32),
  of('SelectV2', [bool([1, 0]), bool([1, 1]), bool([0, 0])], { type: 'DT_BOOL', T: BOOL }),
]
