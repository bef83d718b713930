// Operations of graphs by chance on integers and on truth values, and from one type to another.

import { attr } from '@drover/saved-model'
import {
  boundOf,
  type Draft,
  isExact,
  isInteger,
  isNumber,
  isText,
  isTruth,
  type Span,
  spanOf,
  whole,
  type Wire,
} from './random-draft.ts'
import { commonShape, type Drafting, findPair, pairs, T } from './random-floats.ts'
import { int32, int64 } from './sample-tensors.ts'

const INT32_MAX = 2 ** 31 - 1

/** Integers of one type as a constant. */
export const integersOf = (
  dtype: Wire['dtype'],
  values: readonly number[],
  shape: readonly number[] = [values.length],
) => (dtype === 'DT_INT64' ? int64(values, shape) : int32([...values], [...shape]))

/** Adds a node of integers unless they are too large. */
function addIntegers(draft: Draft, op: string, inputs: readonly Wire[], span: Span): void {
  const [first] = inputs
  const shape = commonShape(inputs)
  const made = first && spanOf(first.dtype, span)
  if (first === undefined || made === undefined || shape === undefined) return
  draft.add(op, inputs, T(first), [{ dtype: first.dtype, shape, ...made }])
}

const ofPair =
  (op: string): Drafting =>
  (draft) => {
    const found = findPair(draft, isInteger)
    const span = found && pairs[op]?.(found[0], found[1])
    if (found !== undefined && span !== undefined)
      addIntegers(draft, op, [found[0], found[1]], span)
  }

/** What divides may be zero once in a while: then all refuse it. */
const ofDivision =
  (op: string): Drafting =>
  (draft) => {
    const found = findPair(draft, isInteger)
    if (found === undefined) return
    const [a] = found
    const isFed = draft.chance(4)
    const constant = integersOf(a.dtype, [draft.from([3, -2, 1, 7, -1])], [])
    const { dtype, shape } = constant
    const b = isFed ? found[1] : { name: draft.constant(constant), dtype, shape, ...whole(1, 7) }
    const bound = op.endsWith('Div') ? boundOf(a) + 1 : Math.max(7, boundOf(b))
    addIntegers(draft, op, [a, b], whole(-bound, bound))
  }

const ofBits =
  (op: string): Drafting =>
  (draft) => {
    const found = findPair(draft, (wire) => isInteger(wire) && boundOf(wire) < INT32_MAX)
    if (found === undefined) return
    const bound = 2 ** Math.ceil(Math.log2(Math.max(boundOf(found[0]), boundOf(found[1])) + 2))
    addIntegers(draft, op, [found[0], found[1]], whole(-bound, bound))
  }

const ofOne =
  (op: string): Drafting =>
  (draft) => {
    const wire = draft.find((each) => isInteger(each) && boundOf(each) < 2 ** 15)
    if (wire === undefined) return
    const bound = op === 'Square' ? boundOf(wire) ** 2 : boundOf(wire) + 1
    addIntegers(draft, op, [wire], whole(-bound, bound))
  }

const isComparable = (wire: Wire): boolean => isNumber(wire) && isExact(wire)

const ofComparison =
  (op: string): Drafting =>
  (draft) => {
    const isEquality = op.endsWith('Equal') && op.length < 9
    const found = findPair(
      draft,
      (wire) => isComparable(wire) || (isEquality && (isText(wire) || isTruth(wire))),
    )
    if (found === undefined) return
    const [a, b, shape] = found
    draft.add(op, [a, b], T(a), [{ dtype: 'DT_BOOL', shape }])
  }

const ofTruths =
  (op: string): Drafting =>
  (draft) => {
    const found = findPair(draft, isTruth)
    if (found !== undefined)
      draft.add(op, [found[0], found[1]], {}, [{ dtype: 'DT_BOOL', shape: found[2] }])
  }

const logicalNot: Drafting = (draft) => {
  const wire = draft.find(isTruth)
  if (wire !== undefined)
    draft.add('LogicalNot', [wire], {}, [{ dtype: 'DT_BOOL', shape: wire.shape }])
}

/** What holds both of two. */
export const spanOfBoth = (a: Span, b: Span): Span => ({
  low: Math.min(a.low, b.low),
  high: Math.max(a.high, b.high),
  grid: a.grid === undefined || b.grid === undefined ? undefined : Math.max(a.grid, b.grid),
  error: Math.max(a.error, b.error),
})

const selectV2: Drafting = (draft) => {
  const found = findPair(draft, () => true)
  if (found === undefined) return
  const [a, b] = found
  const condition = draft.find((wire) => isTruth(wire) && commonShape([a, b, wire]) !== undefined)
  const shape = condition && commonShape([a, b, condition])
  if (condition === undefined || shape === undefined) return
  const isNumeral = a.isNumeral === true && b.isNumeral === true
  const made = { dtype: a.dtype, shape, isNumeral, ...spanOfBoth(a, b) }
  draft.add('SelectV2', [condition, a, b], T(a), [made])
}

const TARGETS = ['DT_FLOAT', 'DT_INT32', 'DT_INT64', 'DT_BOOL', 'DT_DOUBLE'] as const

const cast: Drafting = (draft) => {
  const wire = draft.find((each) => !isText(each) && isExact(each))
  if (wire === undefined) return
  const to = draft.from(TARGETS)
  const isSteps = isInteger({ dtype: to })
  const grid = isSteps ? 0 : wire.grid
  const span = to === 'DT_BOOL' ? whole(0, 1) : spanOf(to, { ...wire, grid })
  if (span === undefined || span.grid === undefined) return
  const attrs = { SrcT: attr.type(wire.dtype), DstT: attr.type(to) }
  draft.add('Cast', [wire], attrs, [{ dtype: to, shape: wire.shape, ...span }])
}

const pow: Drafting = (draft) => {
  const wire = draft.find((each) => isInteger(each) && boundOf(each) < 200)
  if (wire === undefined) return
  const power = draft.below(4)
  const { dtype, shape } = integersOf(wire.dtype, [power], [])
  const name = draft.constant(integersOf(wire.dtype, [power], []))
  const bound = Math.max(1, boundOf(wire)) ** power
  addIntegers(
    draft,
    'Pow',
    [wire, { name, dtype, shape, ...whole(power, power) }],
    whole(-bound, bound),
  )
}

const BOUNDARIES = [-2, 0, 0.5, 3]

const bucketize: Drafting = (draft) => {
  const wire = draft.find(isComparable)
  if (wire === undefined) return
  const attrs = { ...T(wire), boundaries: attr.floats(BOUNDARIES) }
  const made = { dtype: 'DT_INT32', shape: wire.shape, ...whole(0, BOUNDARIES.length) } as const
  draft.add('Bucketize', [wire], attrs, [made])
}

const COMPARISONS = ['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual']

/** Several kinds share a name with those of floats: `_` parts them. */
export const integerDraftings: Readonly<Record<string, Drafting>> = {
  ...Object.fromEntries(Object.keys(pairs).map((op) => [`${op}_integers`, ofPair(op)])),
  ...Object.fromEntries(
    ['FloorDiv', 'FloorMod', 'TruncateDiv', 'TruncateMod', 'Mod'].map((op) => [op, ofDivision(op)]),
  ),
  ...Object.fromEntries(['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'].map((op) => [op, ofBits(op)])),
  ...Object.fromEntries(
    ['Invert', 'Abs', 'Neg', 'Sign', 'Square', 'Relu'].map((op) => [`${op}_integers`, ofOne(op)]),
  ),
  ...Object.fromEntries(COMPARISONS.map((op) => [op, ofComparison(op)])),
  ...Object.fromEntries(['LogicalAnd', 'LogicalOr'].map((op) => [op, ofTruths(op)])),
  LogicalNot: logicalNot,
  SelectV2: selectV2,
  Cast: cast,
  Cast_again: cast,
  Pow: pow,
  Bucketize: bucketize,
}
