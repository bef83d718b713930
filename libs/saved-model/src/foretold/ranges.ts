// Between which numbers the elements are that an operation makes one by one.

import { type Extent, elementOf, extent, knownOf, product, type Range } from './extent.ts'
import type { OutlineNode } from './outline.ts'
import type { NumericType } from '../onnx/model.ts'

type Bounds = readonly [low: number, high: number]
/** What is made of elements that lie between bounds; `isWhole`: of integers. */
type Bounding = (bounds: readonly Bounds[], isWhole: boolean, node: OutlineNode) => Bounds

const ALL: Bounds = [-Infinity, Infinity]
const TRUTH: Bounds = [0, 1]
const NONE: Bounds = [0, 0]

/** The least and the most of some numbers; anything where one of them is none. */
const between = (...values: number[]): Bounds =>
  values.some(Number.isNaN) ? ALL : [Math.min(...values), Math.max(...values)]

/** Of the four ends of two ranges. */
const ofEnds =
  (of: (a: number, b: number) => number): Bounding =>
  ([[al, ah] = ALL, [bl, bh] = ALL]) =>
    between(of(al, bl), of(al, bh), of(ah, bl), of(ah, bh))

const each =
  (of: (value: number) => number): Bounding =>
  ([[low, high] = ALL]) =>
    between(of(low), of(high))

/** Whether floats between these may be no numbers, of which nothing is told. */
const mayBeNone = (bounds: Bounds): boolean => !bounds.every(Number.isFinite)
const mayBeZero = ([low, high]: Bounds): boolean => low <= 0 && high >= 0

const divided: Bounding = (bounds, isWhole, node) => {
  if (mayBeZero(bounds[1] ?? ALL)) return ALL
  return ofEnds((a, b) => (isWhole ? Math.trunc(a / b) : a / b))(bounds, isWhole, node)
}

const rest: Bounding = (bounds, isWhole, node) => {
  const [a = ALL, b = ALL] = bounds
  return !isWhole && (mayBeNone(a) || mayBeZero(b)) ? ALL : restOf([a, b], isWhole, node)
}

function restOf(
  [[al, ah], [bl, bh]]: readonly [Bounds, Bounds],
  isWhole: boolean,
  { numbers }: OutlineNode,
): Bounds {
  const most = Math.max(Math.abs(bl), Math.abs(bh))
  const isKnown = al === ah && bl === bh && bl > 0 && al >= 0
  if (isKnown && isWhole) return [al % bl, al % bl]
  const isPlain = bl > 0 && (al >= 0 || numbers['fmod'] !== 1)
  return isPlain ? [0, most] : [-most, most]
}

/** Whether the one is less than the other, as far as it is known. */
const isLess = ([al, ah]: Bounds, [bl, bh]: Bounds, isEqual: boolean): Bounds => {
  if (ah < bl || (isEqual && ah === bl)) return [1, 1]
  if (al > bh || (!isEqual && al === bh)) return NONE
  return TRUTH
}

const isSame: Bounding = ([[al, ah] = ALL, [bl, bh] = ALL]) => {
  if (al === ah && bl === bh && al === bl) return [1, 1]
  return ah < bl || bh < al ? NONE : TRUTH
}

const chosen: Bounding = ([[low, high] = ALL, yes = ALL, no = ALL]) => {
  if (low === high) return low === 0 ? no : yes
  return [Math.min(yes[0], no[0]), Math.max(yes[1], no[1])]
}

const compared =
  (isEqual: boolean, isTurned: boolean): Bounding =>
  ([a = ALL, b = ALL]) =>
    isTurned ? isLess(b, a, isEqual) : isLess(a, b, isEqual)

const least = (values: readonly number[]): number => Math.min(...values)
const most = (values: readonly number[]): number => Math.max(...values)

/** Operations that work on one element of each operand. */
export const boundings: Readonly<Record<string, Bounding>> = {
  Abs: ([[low, high] = ALL]) =>
    low <= 0 && high >= 0 ? [0, Math.max(-low, high)] : between(Math.abs(low), Math.abs(high)),
  Add: ([[al, ah] = ALL, [bl, bh] = ALL]) => between(al + bl, ah + bh),
  And: (bounds) => [least(bounds.map(([low]) => low)), least(bounds.map(([, high]) => high))],
  Ceil: each(Math.ceil),
  Div: divided,
  Equal: isSame,
  Floor: each(Math.floor),
  Greater: compared(false, true),
  GreaterOrEqual: compared(true, true),
  Identity: ([bounds = ALL]) => bounds,
  Less: compared(false, false),
  LessOrEqual: compared(true, false),
  Max: (bounds) => [most(bounds.map(([low]) => low)), most(bounds.map(([, high]) => high))],
  Min: (bounds) => [least(bounds.map(([low]) => low)), least(bounds.map(([, high]) => high))],
  Mod: rest,
  Mul: ofEnds((a, b) => (a === 0 || b === 0 ? 0 : a * b)),
  Neg: each((value) => -value),
  Not: ([[low, high] = ALL]) => [1 - high, 1 - low],
  Or: (bounds) => [most(bounds.map(([low]) => low)), most(bounds.map(([, high]) => high))],
  Relu: each((value) => Math.max(value, 0)),
  Round: ([[low, high] = ALL]) => [Math.floor(low), Math.ceil(high)],
  Sign: ([bounds = ALL], isWhole) =>
    !isWhole && mayBeNone(bounds) ? ALL : [Math.sign(bounds[0]), Math.sign(bounds[1])],
  Sub: ([[al, ah] = ALL, [bl, bh] = ALL]) => between(al - bh, ah - bl),
  Where: chosen,
  Xor: ([[al, ah] = ALL, [bl, bh] = ALL]) => (al === ah && bl === bh ? [al ^ bl, al ^ bl] : TRUTH),
}
const TRUTHS: ReadonlySet<string> = new Set(
  'And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor'.split(' '),
)
const WHOLE: ReadonlySet<NumericType> = new Set(['DT_INT32', 'DT_INT64', 'DT_BOOL'])

/** The dimensions that several tensors are repeated to. */
export function broadcast(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map(({ length }) => length))
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((dims) => dims[axis - rank + dims.length] ?? 1)
    // Nothing is repeated for nothing.
    return sizes.includes(0) && sizes.every((size) => size <= 1) ? 0 : Math.max(...sizes)
  })
}

/** What is made of elements side by side. */
export function sideBySide(node: OutlineNode, inputs: readonly Extent[]): Extent[] {
  const dims = broadcast(inputs.map((input) => input.dims))
  const isExact = inputs.every((input) => input.isExact)
  const countMax = product(inputs.map(({ count }) => count))
  const first = inputs[node.op === 'Where' ? 1 : 0]
  const dtype = TRUTHS.has(node.op) ? 'DT_BOOL' : (first?.dtype ?? 'DT_FLOAT')
  const range = bounded(node, inputs, isExact ? product(dims) : Infinity)
  return [extent(dtype, dims, { isExact, countMax, range })]
}

function bounded(node: OutlineNode, inputs: readonly Extent[], count: number): Range | undefined {
  const of = boundings[node.op]
  if (of === undefined) return TRUTHS.has(node.op) ? { low: [0], high: [1] } : undefined
  const isWhole = inputs.every(({ dtype }) => WHOLE.has(dtype))
  const lengths = inputs.map(({ range }) => range?.low.length ?? 1)
  const length = Math.max(1, ...lengths)
  const isAligned =
    length === count && inputs.every((input, at) => lengths[at] === 1 || input.count === count)
  if (length > 1 && !isAligned) return ofAll(node, inputs, isWhole)
  const made = Array.from({ length }, (_, at) =>
    of(
      inputs.map((input) => elementOf(input, at)),
      isWhole,
      node,
    ),
  )
  return { low: made.map(([low]) => low), high: made.map(([, high]) => high) }
}

/** The same where it is not known which elements meet. */
function ofAll(node: OutlineNode, inputs: readonly Extent[], isWhole: boolean): Range {
  const bounds = inputs.map((input): Bounds => {
    const { low, high } = knownOf(input)
    return [least(low), most(high)]
  })
  const [low, high] = boundings[node.op]?.(bounds, isWhole, node) ?? ALL
  return { low: [low], high: [high] }
}
