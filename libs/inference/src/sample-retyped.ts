// The cases of single operations once more, on each type of numbers and at the ends of it.

import { attr } from '@drover/saved-model'
import { floatTensor, sizeOf, type Tensor } from '@drover/serving-api'
import { asText } from './sample-case.ts'
import type { Case } from './sample-slices.ts'
import { double, int32, int64 } from './sample-tensors.ts'

type Operand = Case['operands'][number]

/** Of floats of any size. What is less than the least normal one TensorFlow takes for zero. */
const COMMON = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 100, -100, 0.5, -0.5, 1.5, 2.5, -2.5, 3]
const SMALL = [1e-9, -1e-9]
const ENDS = {
  DT_FLOAT: [...COMMON, ...SMALL, 3e38, -3e38, 16_777_217, 88.9, -104, 15.3],
  DT_DOUBLE: [...COMMON, ...SMALL, 1e308, -1e308, 1e16, 709.5, -745, 36.8],
  DT_INT32: [
    -(2 ** 31) + 1,
    -65_536,
    -7,
    -3,
    -1,
    1,
    2,
    3,
    7,
    46_341,
    2 ** 31 - 2,
    2 ** 31 - 1,
    -(2 ** 31),
  ],
  DT_INT64: [
    -7n,
    -3n,
    -1n,
    1n,
    2n,
    3n,
    7n,
    3_037_000_500n,
    2n ** 62n,
    2n ** 63n - 1n,
    -(2n ** 53n) - 1n,
    1n - 2n ** 63n,
    -(2n ** 63n),
  ],
} as const

export type Kind = keyof typeof ENDS
const KINDS: readonly Kind[] = ['DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_INT64']

/** Sums of products are only as exact as the order in which they are added up, and may be infinite on the way. */
const SUMMING = /Einsum|MatMul/
/** Of these the operand is a shape, or TensorFlow counts negative numbers in memory that is not its own. */
const LEFT_OUT = /^Broadcast|^DenseBincount/
/** Along an axis of which the numbers are many already. */
const ALONG = /Softmax|Sum|Max|Min|Mean|Prod/

const tensorOf = (operand: Operand): Tensor => ('constant' in operand ? operand.constant : operand)

/** Numbers of a kind, each place by its own step through them. */
function filled(kind: Kind, shape: readonly number[], placeOf: (index: number) => number): Tensor {
  const pick = <T>(all: readonly T[]): T[] =>
    Array.from({ length: sizeOf(shape) }, (_, index) => {
      const value = all[placeOf(index) % all.length]
      if (value === undefined) throw new Error('there are no numbers')
      return value
    })
  switch (kind) {
    case 'DT_FLOAT':
      return floatTensor(pick(ENDS.DT_FLOAT), [...shape])
    case 'DT_DOUBLE':
      return double(pick(ENDS.DT_DOUBLE), [...shape])
    case 'DT_INT32':
      return int32(pick(ENDS.DT_INT32), [...shape])
    case 'DT_INT64':
      return int64(pick(ENDS.DT_INT64), shape)
  }
}

/** Each with each where there are two that a request brings, and else as they were. */
function shapeOf({ op, operands }: Case, at: number, kind: Kind): readonly number[] {
  const { shape } = tensorOf(operands[at] ?? floatTensor([], [0]))
  const isElementwise = operands.every((operand) => !('constant' in operand))
  const count = ENDS[kind].length
  if (!isElementwise || SUMMING.test(op) || ALONG.test(op)) return shape
  if (operands.length === 1) return shape.length === 1 ? [count] : shape
  return operands.length === 2 ? (at === 0 ? [count, 1] : [1, count]) : shape
}

function onKind(each: Case, kind: Kind, isOfType: readonly boolean[]): Case {
  const operands = each.operands.map((operand, at): Operand => {
    if (isOfType[at] !== true) return operand
    const shape = shapeOf(each, at, kind)
    const isAll = sizeOf(shape) === ENDS[kind].length
    const tensor = filled(kind, shape, (index) => (isAll ? index : index * 5 + at * 3 + 1))
    return 'constant' in operand ? { constant: tensor } : tensor
  })
  const { T } = each.attrs
  const type = T?.kind === 'type' && each.type === T.value ? kind : each.type
  return { ...each, operands, attrs: { ...each.attrs, T: attr.type(kind) }, type }
}

/** Each operation with each number of operands and each attribute, on all four. TensorFlow has not all of them. */
export function retyped(cases: readonly Case[]): Case[] {
  const seen = new Set<string>()
  return cases.flatMap((each) => {
    const { op, operands, port } = each
    const { T, ...attrs } = each.attrs
    const isOfType = operands.map((one) => T?.kind === 'type' && tensorOf(one).dtype === T.value)
    if (isOfType[0] !== true || LEFT_OUT.test(op)) return []
    const key = op + JSON.stringify([attrs, isOfType, port], asText)
    if (seen.has(key)) return []
    seen.add(key)
    const kinds = SUMMING.test(op) ? KINDS.filter((kind) => kind.startsWith('DT_INT')) : KINDS
    return kinds.map((kind) => onKind(each, kind, isOfType))
  })
}
