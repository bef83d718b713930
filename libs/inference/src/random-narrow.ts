// Operations of graphs by chance on types that others carry: integers that wrap, and floats of sixteen
// bits, as far as they are exact.

import { attr } from '@drover/saved-model'
import type { DataType } from '@drover/serving-api'
import {
  boundOf,
  type Draft,
  isExact,
  isFloat,
  isInteger,
  type Span,
  type Wire,
} from './random-draft.ts'
import { type Drafting, findPair, pairs, T } from './random-floats.ts'
import { int32 } from './sample-tensors.ts'

const WIDTHS = {
  DT_INT8: [-128, 127],
  DT_INT16: [-32_768, 32_767],
  DT_UINT8: [0, 255],
  DT_UINT16: [0, 65_535],
  DT_UINT32: [0, 2 ** 32 - 1],
  DT_UINT64: [0, 2 ** 53],
} as const
type Integers = keyof typeof WIDTHS
/** How many bits of a float are there. */
const BITS = { DT_HALF: 11, DT_BFLOAT16: 8 } as const
type Halves = keyof typeof BITS

const isIntegers = (dtype: DataType): dtype is Integers => Object.hasOwn(WIDTHS, dtype)
const isHalves = (dtype: DataType): dtype is Halves => Object.hasOwn(BITS, dtype)
const isNarrow = ({ dtype }: Wire): boolean => isIntegers(dtype) || isHalves(dtype)
const TYPES = [
  'DT_INT8',
  'DT_UINT8',
  'DT_HALF',
  'DT_INT16',
  'DT_BFLOAT16',
  'DT_UINT16',
  'DT_UINT32',
  'DT_UINT64',
] as const

/** The span in a type: the whole of it where it wraps; undefined where it would not be exact. */
function spanIn(dtype: DataType, span: Span): Span | undefined {
  if (isHalves(dtype)) {
    const { grid } = span
    return grid !== undefined && boundOf(span) * 2 ** grid <= 2 ** BITS[dtype] ? span : undefined
  }
  if (!isIntegers(dtype)) return undefined
  const [low, high] = WIDTHS[dtype]
  if (span.low >= low && span.high <= high) return span
  return dtype === 'DT_UINT32' || dtype === 'DT_UINT64'
    ? undefined
    : { low, high, grid: 0, error: 0 }
}

const to: Drafting = (draft) => {
  const dtype = draft.from(TYPES)
  const wire = draft.find(
    (each) =>
      (isInteger(each) || (isHalves(dtype) && isFloat(each))) && isExact(each) && fits(dtype, each),
  )
  if (wire === undefined) return
  const { shape, low, high, grid, error } = wire
  const attrs = { SrcT: attr.type(wire.dtype), DstT: attr.type(dtype) }
  draft.add('Cast', [wire], attrs, [{ dtype, shape, low, high, grid, error }])
}

function fits(dtype: DataType, span: Span): boolean {
  const found = spanIn(dtype, span)
  return found?.low === span.low && found.high === span.high
}

function add(
  draft: Draft,
  op: string,
  inputs: readonly Wire[],
  span: Span & { shape: readonly number[] },
) {
  const [first] = inputs
  const made = first && spanIn(first.dtype, span)
  if (first !== undefined && made !== undefined)
    draft.add(op, inputs, T(first), [{ ...made, dtype: first.dtype, shape: span.shape }])
}

const ofPair =
  (op: string): Drafting =>
  (draft) => {
    const [a, b, shape] = findPair(draft, isNarrow) ?? []
    const span = a && b && pairs[op]?.(a, b)
    if (a !== undefined && b !== undefined && shape !== undefined && span !== undefined)
      add(draft, op, [a, b], { ...span, shape })
  }

const comparison =
  (op: string): Drafting =>
  (draft) => {
    const [a, b, shape] = findPair(draft, isNarrow) ?? []
    if (a !== undefined && b !== undefined && shape !== undefined)
      draft.add(op, [a, b], T(a), [{ dtype: 'DT_BOOL', shape }])
  }

/** By what is not zero. */
const division =
  (op: string): Drafting =>
  (draft) => {
    const wire = draft.find(({ dtype }) => isIntegers(dtype))
    if (wire === undefined || !isIntegers(wire.dtype)) return
    const { dtype, shape } = wire
    const [low, high] = WIDTHS[dtype]
    const divisor = draft.from(low < 0 ? [3, -2, 7, -1] : [3, 1, 7])
    const attrs = { SrcT: attr.type('DT_INT32'), DstT: attr.type(dtype) }
    const by = draft.node('Cast', [draft.constant(int32([divisor], []))], attrs)
    draft.add(op, [wire, by], T(wire), [{ dtype, shape, low, high, grid: 0, error: 0 }])
  }

const extreme =
  (op: string): Drafting =>
  (draft) => {
    const wire = draft.find((each) => isNarrow(each) && each.shape.some((size) => size > 0))
    if (wire === undefined) return
    const axis = wire.shape.findIndex((size) => size > 0)
    const { dtype, low, high, grid, error } = wire
    const shape = wire.shape.toSpliced(axis, 1)
    const attrs = { ...T(wire), Tidx: attr.type('DT_INT32'), keep_dims: attr.bool(false) }
    const inputs = [wire, draft.constant(int32([axis]))]
    draft.add(op, inputs, attrs, [{ dtype, shape, low, high, grid, error }])
  }

/** Where nothing is narrow yet, something is made so. */
const orMade =
  (drafting: Drafting): Drafting =>
  (draft) => {
    if (draft.wires.some(isNarrow)) drafting(draft)
    else to(draft)
  }

const named = (ops: string, make: (op: string) => Drafting) =>
  Object.fromEntries(ops.split(' ').map((op) => [`${op}_narrow`, orMade(make(op))]))

export const narrowDraftings: Readonly<Record<string, Drafting>> = {
  Cast_narrow: to,
  Cast_narrow_again: to,
  ...named('AddV2 Sub Mul Maximum Minimum SquaredDifference', ofPair),
  ...named('Equal NotEqual Less GreaterEqual', comparison),
  ...named('FloorDiv FloorMod TruncateDiv', division),
  ...named('Max Min', extreme),
}
