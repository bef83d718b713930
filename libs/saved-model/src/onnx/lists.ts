// A list of tensors that a loop has written, as one tensor.

import { intOf } from '../node-attrs.ts'
import { unlessLarge, zeroUnless } from './checks.ts'
import type { NumericType, OnnxBuilder } from './model.ts'
import { type Context, inputOf, integersOf, scalar } from './ops.ts'

/** A few bytes of a request must not ask for all memory. */
const PLACES_MAX = 2n ** 24n

/**
 * What stands at each place of a list of so many: what was written there last, and zeros where nothing was. The
 * run fails where nothing has been written at all, whose shape nobody knows, and for places that there are not.
 */
export function listOf(
  onnx: OnnxBuilder,
  {
    values,
    indices,
    count,
    type,
  }: { values: string; indices: string; count: string; type: NumericType },
): string {
  const [zero, one] = [0n, 1n].map((value) => onnx.long(value))
  const none = onnx.vector([0n])
  const rounds = onnx.op('Size', [indices])
  const size = onnx.op('Reshape', [onnx.cast(count, 'DT_INT64'), onnx.vector([1n])])
  const faults = onnx.op('Or', [
    onnx.op('Less', [onnx.op('ReduceMin', [indices], { keepdims: 1n }), none]),
    onnx.op('Greater', [size, onnx.vector([PLACES_MAX])]),
  ])
  const places = onnx.op('Add', [size, zeroUnless(onnx, faults)])
  const empty = onnx.op('Expand', [onnx.vector([-1n]), places])
  const numbers = onnx.op('Range', [zero ?? '', rounds, one ?? ''])
  const last = onnx.op('ScatterElements', [empty, indices, numbers], { axis: 0n, reduction: 'max' })
  const isEmpty = onnx.op('Less', [last, none])
  const taken = onnx.op('Gather', [values, onnx.op('Max', [last, none])], { axis: 0n })
  // One truth value for each element, whatever its shape.
  const more = onnx.op('Sub', [onnx.op('Size', [onnx.op('Shape', [values])]), one ?? ''])
  const ones = onnx.op('Expand', [onnx.vector([1n]), onnx.op('Reshape', [more, onnx.vector([1n])])])
  const mask = onnx.op('Reshape', [isEmpty, onnx.op('Concat', [places, ones], { axis: 0n })])
  const filler = onnx.constant(scalar(type, 0))
  if (type !== 'DT_BOOL') return onnx.op('Where', [mask, filler, taken])
  return onnx.op('And', [taken, onnx.op('Not', [mask])])
}

/** A list of elements whose shape is told, where it is told ahead; the run fails where they have another one. */
export function ofElements(context: Context): string {
  const { node, onnx } = context
  const list = inputOf(context, 0)
  const known = context.constant(1) === undefined ? [] : integersOf(context, 1)
  const count = intOf(node, 'num_elements', -1)
  // An unknown rank is told as one number.
  const isTold = (context.constant(1)?.shape.length ?? 0) > 0
  if (!isTold && count < 0) return onnx.op('Identity', [list])
  const shape = onnx.op('Shape', [list])
  const rows = onnx.op('Slice', [shape, onnx.vector([0n]), onnx.vector([1n])])
  const counted = count < 0 ? list : unlessLarge(onnx, differing(onnx, rows, [count]), list)
  if (!isTold) return counted
  const isWhole = known.every((size) => size >= 0)
  const sizes = [-1, ...known, known.length + 1]
  const given = onnx.op('Concat', [shape, onnx.op('Shape', [shape])], { axis: 0n })
  if (!isWhole) return unlessLarge(onnx, differing(onnx, given, sizes), counted)
  return allOf(onnx, counted, { rows, given, known, sizes })
}

/** Where sizes are others than those that are known. */
function differing(onnx: OnnxBuilder, given: string, known: readonly number[]): string {
  const sizes = onnx.vector(known.map(BigInt))
  const isOther = onnx.op('Not', [onnx.op('Equal', [given, sizes])])
  return onnx.op('And', [isOther, onnx.op('GreaterOrEqual', [sizes, onnx.vector([0n])])])
}

/** A list of elements whose whole shape is known: that of none at all is known as well, and nobody has made it. */
function allOf(
  onnx: OnnxBuilder,
  list: string,
  {
    rows,
    given,
    known,
    sizes,
  }: { rows: string; given: string; known: readonly number[]; sizes: readonly number[] },
): string {
  const end = onnx.vector([BigInt(sizes.length)])
  const padded = onnx.op('Concat', [given, onnx.vector(sizes.map(BigInt))], { axis: 0n })
  const compared = onnx.op('Slice', [padded, onnx.vector([0n]), end])
  const isThere = onnx.op('Greater', [onnx.op('Size', [list]), onnx.long(0n)])
  const faults = onnx.op('And', [differing(onnx, compared, sizes), isThere])
  const shape = onnx.op('Concat', [rows, onnx.vector(known.map(BigInt))], { axis: 0n })
  return onnx.op('Reshape', [unlessLarge(onnx, faults, list), shape], { allowzero: 1n })
}
