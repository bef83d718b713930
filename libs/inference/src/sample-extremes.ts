// The cases of single operations once more, with numbers that are infinite or none, and with nothing at all.

import { floatTensor, sizeOf, type Tensor } from '@drover/serving-api'
import { asText } from './sample-case.ts'
import type { Case } from './sample-slices.ts'
import { bool, double, int32, int64 } from './sample-tensors.ts'

type Operand = Case['operands'][number]

const EXTREMES = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 3e38, -3e38, 100, -100, 0.5]
/** Where what is too large depends on the order in which it is added up. */
const MODERATE = EXTREMES.filter((value) => Math.abs(value) !== 3e38)
const SOME_NANS = [1, NaN, 3, 0, NaN, Infinity, NaN]

const isFed = (operand: Operand): operand is Tensor => !('constant' in operand)
const isFloats = (operand: Operand | undefined): operand is Tensor =>
  operand !== undefined && isFed(operand) && operand.dtype === 'DT_FLOAT'

const repeated = (values: readonly number[], shape: readonly number[]): Tensor =>
  floatTensor(
    Array.from({ length: sizeOf(shape) }, (_, index) => values[index % values.length] ?? 0),
    [...shape],
  )

/** The same type without elements; undefined where the tests cannot make one. */
function emptied(operand: Tensor, at: number): Tensor | undefined {
  const axis = at < 0 ? at + operand.shape.length : at
  const shape = operand.shape.with(axis, 0)
  const make: Partial<Record<Tensor['dtype'], () => Tensor>> = {
    DT_FLOAT: () => floatTensor([], shape),
    DT_DOUBLE: () => double([], shape),
    DT_INT32: () => int32([], shape),
    DT_INT64: () => int64([], shape),
    DT_BOOL: () => bool([], shape),
  }
  return make[operand.dtype]?.()
}

function withEmpty(each: Case, at: number, isWanted: (index: number) => boolean): Case[] {
  const operands: Operand[] = []
  for (const [index, operand] of each.operands.entries()) {
    const isKept = !isFed(operand) || !isWanted(index) || operand.shape.length === 0
    const found = isKept ? operand : emptied(operand, at)
    if (found === undefined) return []
    operands.push(found)
  }
  return [{ ...each, operands }]
}

/** Sums of products are only as exact as the order in which they are added up. */
const SUMMING = /Einsum|MatMul|OneHot/

/** Numbers that are infinite or none, for one operand or for two side by side. */
function extremesOf(each: Case): Case[] {
  const { op, operands } = each
  const fed = operands.filter(isFed)
  const [first] = operands
  if (SUMMING.test(op) || !fed.every(isFloats) || !isFloats(first)) return []
  if (operands.length === 2 && fed.length === 2) {
    const [rows, columns] = [EXTREMES.length, 1]
    const pair = [repeated(EXTREMES, [rows, columns]), repeated(EXTREMES, [columns, rows])]
    return [{ ...each, operands: pair }]
  }
  if (fed.length !== 1) return []
  return [EXTREMES, SOME_NANS].map((values) => ({
    ...each,
    operands: operands.map((operand) =>
      isFed(operand) ? repeated(values, operand.shape) : operand,
    ),
  }))
}

/** Of each operation with each number of operands and each attribute one, at its limits. */
export function extremes(cases: readonly Case[]): Case[] {
  const seen = new Set<string>()
  return cases.flatMap((each) => {
    const [first] = each.operands
    if (first === undefined || each.type === 'DT_STRING' || !each.operands.some(isFed)) return []
    const key = each.op + JSON.stringify([each.attrs, each.operands.length, each.port], asText)
    const isNew = !seen.has(key)
    seen.add(key)
    const empties = [0, -1].flatMap((at) => [
      ...withEmpty(each, at, (index) => index === 0),
      ...withEmpty(each, at, () => true),
    ])
    return [...extremesOf(each), ...(isNew ? empties : [])]
  })
}

/** The image of a case: the last operand of floats that a request brings. */
const imageOf = ({ operands }: Case): number =>
  operands.findLastIndex((operand) => isFloats(operand) && operand.shape.length > 0)

const noise = (index: number): number => Math.abs(Math.sin(index * 78.233 + 1)) % 1

/** The same of images: numbers that are infinite or none here and there, and sizes of nothing. */
export function imageExtremes(cases: readonly Case[]): Case[] {
  return cases.flatMap((each) => {
    const at = imageOf(each)
    const image = each.operands[at]
    const isFilter = each.op === 'Conv2D' && at === 1
    if (!isFloats(image) || isFilter) return []
    const put = (tensor: Tensor): Case => ({ ...each, operands: each.operands.with(at, tensor) })
    const shuffled = (values: readonly number[]) =>
      Array.from(
        { length: sizeOf(image.shape) },
        (_, index) => values[Math.floor(noise(index) * values.length)] ?? 0,
      )
    const rare = Array.from({ length: 9 }, (_, index) => index / 4 - 1)
    return [
      ...[
        MODERATE,
        [NaN, ...rare],
        [Infinity, ...rare],
        [-Infinity],
        [-Infinity, -Infinity, 1],
      ].map((values) => put(floatTensor(shuffled(values), [...image.shape]))),
      // Of no channels no filter takes any: such graphs are left to TensorFlow.
      ...image.shape
        .slice(0, each.op.includes('Conv') ? -1 : undefined)
        .map((_, axis) => put(floatTensor([], image.shape.with(axis, 0)))),
    ]
  })
}
