// Operations of graphs by chance that tell of a tensor's sizes, or of the places of its numbers.

import { attr } from '@drover/saved-model'
import { floatTensor, sizeOf } from '@drover/serving-api'
import { isExact, isInteger, isNumber, isSmall, type Made, whole } from './random-draft.ts'
import { type Drafting, T } from './random-floats.ts'
import { integersOf } from './random-integers.ts'
import { anything, INTEGERS, made, nothingOf } from './random-shapes.ts'
import { int32 } from './sample-tensors.ts'

/** Sizes are integers that others may take. */
const ofShape =
  (op: string): Drafting =>
  (draft) => {
    const wire = anything(draft)
    if (wire === undefined) return
    const out = op === 'Rank' ? 'DT_INT32' : draft.from(INTEGERS)
    const attrs = op === 'Rank' ? T(wire) : { ...T(wire), out_type: attr.type(out) }
    const shape = op === 'Shape' ? [wire.shape.length] : []
    const span = whole(0, Math.max(5, sizeOf(wire.shape), ...wire.shape))
    draft.add(op, [wire], attrs, [{ dtype: out, shape, ...span }])
  }

/** Zeros and ones at places that a request tells; none for places outside. */
const oneHot: Drafting = (draft) => {
  const wire = draft.find(isInteger)
  if (wire === undefined) return
  const depth = draft.from([3, 1, 2])
  const dtype = draft.from(['DT_FLOAT', ...INTEGERS] as const)
  const shape = [...wire.shape, depth]
  if (!isSmall(shape)) return
  const zero = dtype === 'DT_FLOAT' ? floatTensor([0], []) : integersOf(dtype, [0], [])
  const values = [nothingOf(dtype), zero].map((value) => draft.constant(value))
  const attrs = { T: attr.type(dtype), TI: attr.type(wire.dtype), axis: attr.int(-1) }
  const inputs = [wire, draft.constant(int32([depth], [])), ...values]
  draft.add('OneHot', inputs, attrs, [{ dtype, shape, ...whole(0, 1) }])
}

/** The largest of each row and where they are. */
const topK: Drafting = (draft) => {
  const wire = draft.find((each) => isNumber(each) && isExact(each) && each.shape.length > 0)
  if (wire === undefined) return
  const size = wire.shape.at(-1) ?? 0
  const k = draft.below(size + 1)
  const shape = [...wire.shape.slice(0, -1), k]
  const where: Made = { dtype: 'DT_INT32', shape, low: 0, high: Math.max(0, size - 1), grid: 0 }
  const attrs = { ...T(wire), sorted: attr.bool(true) }
  draft.add('TopKV2', [wire, draft.constant(int32([k], []))], attrs, [made(wire, shape), where])
}

export const placeDraftings: Readonly<Record<string, Drafting>> = {
  OneHot: oneHot,
  Rank: ofShape('Rank'),
  Shape: ofShape('Shape'),
  Size: ofShape('Size'),
  TopKV2: topK,
}
