// What operations on narrow types are tried on: all numbers of sixteen bits, and integers up to their ends.

import { attr } from '@drover/saved-model'
import {
  bytesOf,
  floatTensor,
  type NumericTensor,
  type NumericType,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'
import { type Case, fixed } from './sample-slices.ts'
import { bool, double, int32, int64 } from './sample-tensors.ts'

/** Floats of sixteen bits. */
export type Halves = 'DT_HALF' | 'DT_BFLOAT16'
/** Integers that others carry. */
export const INTEGERS = [
  'DT_INT8',
  'DT_INT16',
  'DT_UINT8',
  'DT_UINT16',
  'DT_UINT32',
  'DT_UINT64',
] as const
export type Integers = (typeof INTEGERS)[number]

const PATTERNS = 2 ** 16
/** Odd numbers go through all patterns in another order. */
const [STRIDE, OTHER_STRIDE] = [40_503, 25_173]
/** 2^-30 and 2^6. */
const BFLOATS = { least: 97 << 7, most: 133 << 7, infinity: 0x7f80 }

/** All numbers of a type, in some order; of bfloat16 none so small that TensorFlow might take what is made of it for zero. */
function everyNumber(dtype: Halves, stride: number): Tensor {
  const values = Uint16Array.from({ length: PATTERNS }, (_, at) => {
    const bits = (at * stride) % PATTERNS
    const [sign, rest] = [bits & 0x8000, bits & 0x7fff]
    const isUsual = rest > BFLOATS.least && (rest < BFLOATS.most || rest >= BFLOATS.infinity)
    return dtype === 'DT_HALF' || isUsual ? bits : sign
  })
  return { dtype, shape: [PATTERNS], values }
}

/** Numbers between -1 and 1. */
function smallNumbers(dtype: Halves, shape: number[]): Tensor {
  const [least, most] = dtype === 'DT_HALF' ? [0x2400, 0x3c00] : [0x3d80, 0x3f80]
  const values = Uint16Array.from({ length: sizeOf(shape) }, (_, at) => {
    const random = (at * STRIDE * STRIDE + 7_919 * shape.length) % 65_521
    return (least + (random % (most - least))) | (random % 2 === 0 ? 0x8000 : 0)
  })
  return { dtype, shape, values }
}

const of = (
  op: string,
  operands: Case['operands'],
  { T, type = T, attrs = {} }: { T: NumericType; type?: NumericType; attrs?: Case['attrs'] },
): Case => ({ op, operands, attrs: { T: attr.type(T), ...attrs }, type, port: 0 })

const UNARY =
  'Abs Ceil Cos Elu Erf Exp Floor LeakyRelu Log Neg Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid ' +
  'Sign Sin Softplus Softsign Sqrt Square Tanh'
const BINARY = 'Add AddV2 DivNoNan FloorDiv Maximum Minimum Mul RealDiv SquaredDifference Sub'
const COMPARISONS = 'Equal Greater GreaterEqual Less LessEqual NotEqual'

/** 49, one divided by which is no number of these types. */
const widthOf = (dtype: Halves): Tensor => ({
  dtype,
  shape: [],
  values: Uint16Array.of(dtype === 'DT_HALF' ? 0x5220 : 0x4244),
})

/** Operations on each number by itself. */
export function numberCases(T: Halves): Case[] {
  const [x, y] = [everyNumber(T, STRIDE), everyNumber(T, OTHER_STRIDE)]
  const small = [smallNumbers(T, [5_000]), smallNumbers(T, [1, 5_000])]
  return [
    ...UNARY.split(' ').map((op) => of(op, [x], { T })),
    ...(T === 'DT_HALF' ? ['Expm1', 'Log1p'].map((op) => of(op, [x], { T })) : []),
    ...BINARY.split(' ').flatMap((op) => [of(op, [x, y], { T }), of(op, small, { T })]),
    ...['RealDiv', 'FloorDiv', 'Mul'].map((op) => of(op, [x, fixed(widthOf(T))], { T })),
    ...COMPARISONS.split(' ').map((op) => of(op, [x, y], { T, type: 'DT_BOOL' })),
    ...['IsFinite', 'IsInf', 'IsNan'].map((op) => of(op, [x], { T, type: 'DT_BOOL' })),
    of('AddN', [x, y, y], { T, attrs: { N: attr.int(3) } }),
    of('AddN', [x], { T, attrs: { N: attr.int(1) } }),
    ...['Max', 'Min'].flatMap((op) => [
      of(op, [smallNumbers(T, [9, 30]), fixed(int32([1]))], { T }),
      of(op, [smallNumbers(T, [3, 0]), fixed(int32([1]))], { T }),
    ]),
    ...['Softmax', 'LogSoftmax'].map((op) => of(op, [smallNumbers(T, [9, 8])], { T })),
    ...['ArgMax', 'ArgMin'].flatMap((op) =>
      [smallNumbers(T, [9, 8]), leastNumbers(T)].map((numbers) =>
        of(op, [numbers, fixed(int32([1], []))], { T, type: 'DT_INT64' }),
      ),
    ),
  ]
}

const strides = attr.ints([1, 2, 2, 1])
const POOL = { ksize: strides, strides, padding: attr.string('SAME') }
const FILTER = { strides: attr.ints([1, 1, 1, 1]), padding: attr.string('SAME') }

/** What there is nothing less than, and the least number. */
const leastNumbers = (dtype: Halves): Tensor => ({
  dtype,
  shape: [1, 2, 2, 1],
  values: Uint16Array.from([0, 1, 0, 0], (less) => (dtype === 'DT_HALF' ? 0xfc00 : 0xff80) - less),
})

/** Operations that add up many numbers, in which TensorFlow rounds as often as it adds. */
export function sumCases(T: Halves): Case[] {
  const small = (...shape: number[]): Tensor => smallNumbers(T, shape)
  const images = small(2, 8, 8, 5)
  return [
    of('MatMul', [small(9, 100), small(100, 7)], { T }),
    of('BatchMatMulV2', [small(2, 9, 100), small(2, 100, 7)], { T }),
    ...['Sum', 'Mean', 'Prod'].flatMap((op) =>
      [[0], [1], [0, 1]].map((axes) => of(op, [small(9, 20), fixed(int32(axes))], { T })),
    ),
    ...['Softmax', 'LogSoftmax'].map((op) => of(op, [small(9, 100)], { T })),
    of('BiasAdd', [small(9, 8), small(8)], { T }),
    of('Conv2D', [images, fixed(small(3, 3, 5, 4))], { T, attrs: FILTER }),
    of('DepthwiseConv2dNative', [images, fixed(small(3, 3, 5, 1))], { T, attrs: FILTER }),
    of('AvgPool', [images], { T, attrs: POOL }),
    of('MaxPool', [images], { T, attrs: POOL }),
    of('MaxPool', [leastNumbers(T)], { T, attrs: POOL }),
  ]
}

const BITS: Readonly<Record<Integers, number>> = {
  DT_INT8: 8,
  DT_UINT8: 8,
  DT_INT16: 16,
  DT_UINT16: 16,
  DT_UINT32: 32,
  DT_UINT64: 64,
}

/** So many integers over the whole range, its ends among them. */
export function integersOf(T: Integers, count: number, seed = 1): NumericTensor {
  const bytes = BITS[T] / 8
  const memory = Uint8Array.from(
    { length: count * bytes },
    (_, at) => ((at + 1) * seed * STRIDE * 31) >>> 7,
  )
  const tensor = tensorOfBuffer(T, [count], memory.buffer)
  memory.fill(0, 0, bytes)
  memory.fill(255, bytes, 2 * bytes)
  memory.fill(255, 2 * bytes, 3 * bytes)
  memory[3 * bytes - 1] = 127
  memory.fill(0, 3 * bytes, 4 * bytes)
  memory[4 * bytes - 1] = 128
  return tensor
}

const DIVISIONS = ['FloorDiv', 'FloorMod', 'TruncateDiv']

/** None of which is zero. */
function divisorsOf(T: Integers, count: number): Tensor {
  const tensor = integersOf(T, count, 3)
  const bytes = bytesOf(tensor)
  for (let at = 0; at < bytes.length; at += BITS[T] / 8) bytes[at] = (bytes[at] ?? 0) | 1
  return tensor
}

/** Operations on integers of one type; TensorFlow has not all of them for all. */
export function integerCases(T: Integers): Case[] {
  const [x, y] = [integersOf(T, 500), integersOf(T, 500, 3)]
  const isSigned = T === 'DT_INT8' || T === 'DT_INT16'
  const isLong = T === 'DT_UINT64'
  const arithmetic = 'AddV2 Sub Mul BitwiseAnd BitwiseOr BitwiseXor'.split(' ')
  const ordered = 'Maximum Minimum'.split(' ')
  const comparisons = (isLong ? 'Equal NotEqual' : COMPARISONS).split(' ')
  return [
    ...[...arithmetic, ...(isLong ? [] : ordered)].map((op) => of(op, [x, y], { T })),
    ...['Invert', ...(isSigned ? ['Abs', 'Neg'] : [])].map((op) => of(op, [x], { T })),
    ...(isLong ? [] : DIVISIONS.map((op) => of(op, [x, divisorsOf(T, 500)], { T }))),
    ...comparisons.map((op) => of(op, [x, y], { T, type: 'DT_BOOL' })),
    of('Sum', [x, fixed(int32([0]))], { T }),
  ]
}

const WIDE = ['DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_INT64', 'DT_BOOL'] as const
const HALVES = ['DT_HALF', 'DT_BFLOAT16'] as const
const FLOATS: ReadonlySet<NumericType> = new Set([...HALVES, 'DT_FLOAT', 'DT_DOUBLE'])
/** Whole numbers and others that each type of integers has room for. */
const WITHIN = [0, 0.5, 1, 1.5, 2.5, 99.75, 126.5, 127]
const BEYOND = [-0, -1.5, 1e-9, 3e-8, 6.1e-5, 1 / 3, 65_519, 65_520, 1e9, -3e38, NaN, Infinity]

/** What each type of integers is cast from. */
const LONGS = [0n, -1n, 255n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n + 5n, 65_520n, 128n]
const SHORTS = [0, -1, 255, 2 ** 31 - 1, -(2 ** 31), 65_520, 128, 16_777_217]
const FIXED = new Map<NumericType, Tensor>([
  ['DT_HALF', { dtype: 'DT_HALF', shape: [3], values: Uint16Array.of(0, 0x57e0, 1) }],
  ['DT_BFLOAT16', { dtype: 'DT_BFLOAT16', shape: [3], values: Uint16Array.of(0, 0x42fe, 0x3fc0) }],
  ['DT_INT64', int64(LONGS)],
  ['DT_INT32', int32(SHORTS)],
  ['DT_BOOL', bool([0, 1])],
  ...INTEGERS.map((type): [NumericType, Tensor] => [type, integersOf(type, 100)]),
])

/** Only uint64 has room for them. */
const OVER = [2 ** 63, 2 ** 64 - 2 ** 40]

/** What is cast from a type to another; C++ leaves open what becomes of floats that are out of range. */
function castOf(from: NumericType, to: NumericType): Tensor {
  const numbers = FLOATS.has(to) || to === 'DT_BOOL' ? [...WITHIN, ...BEYOND] : WITHIN
  if (from === 'DT_DOUBLE') return double(numbers)
  return FIXED.get(from) ?? floatTensor(to === 'DT_UINT64' ? [...numbers, ...OVER] : numbers)
}

/** Casts between all types, one of which at least is carried; from uint64 to floats there is none. */
export const castCases: readonly Case[] = [...WIDE, ...HALVES, ...INTEGERS].flatMap((from) =>
  [...WIDE, ...HALVES, ...INTEGERS]
    .filter((to) => from !== to && !(from === 'DT_UINT64' && FLOATS.has(to)))
    .map((to) => ({
      op: 'Cast',
      operands: [castOf(from, to)],
      attrs: { SrcT: attr.type(from), DstT: attr.type(to) },
      type: to,
      port: 0,
    })),
)
