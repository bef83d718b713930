// What operations do to the kinds of tensors: see `row-wise.ts`.

import { sizeOf } from '@drover/serving-api'
import { NARROW } from '../carried/index.ts'
import { boolOf, intOf, intsOf } from '../node-attrs.ts'
import { BRANCH_OUTPUT } from '../scopes.ts'
import { isPlainSlice } from '../strided-slice.ts'
import { isSameShape } from '../values.ts'
import { integersIn, type Kind, nodeOf } from './kinds.ts'
import type { NodeStep } from './program.ts'

type Rule = (step: NodeStep, inputs: readonly Kind[]) => readonly (Kind | undefined)[] | undefined

/** One dimension of a tensor with rows, counted from the front; 0 stands for what is none of the others. */
function axisIn(axis: number | undefined, rank: number): number {
  if (axis === undefined) return 0
  return axis < 0 ? axis + rank : axis
}

/** Element by element: tensors with as many dimensions, and smaller ones that are the same for all. */
const elementwise: Rule = (_, inputs) => {
  const first = inputs.find(({ is }) => is !== 'same')
  if (first?.is !== 'rows' && first?.is !== 'pieces') return undefined
  let inner: readonly number[] | undefined = first.inner
  for (const kind of inputs) {
    const other = kind.is === 'same' ? rowOf(kind.shape, inner.length) : innerOf(kind, first)
    if (other === undefined) return undefined
    inner = widened(inner, other)
  }
  return [first.is === 'rows' ? { is: 'rows', inner } : { is: 'pieces', inner, of: first.of }]
}

/** What meets each row of a tensor that is the same for all of them. */
function rowOf(shape: readonly number[] | undefined, rank: number): readonly number[] | undefined {
  if (shape === undefined || shape.length <= rank) return shape
  return shape.length === rank + 1 && shape[0] === 1 ? shape.slice(1) : undefined
}

/** What meets a tensor of rows, or of the pieces of one split, element by element. */
function innerOf(
  kind: Kind,
  like: Extract<Kind, { is: 'rows' | 'pieces' }>,
): readonly number[] | undefined {
  if (kind.is !== 'rows' && kind.is !== 'pieces') return undefined
  const isOther = kind.is !== like.is || ('of' in kind && 'of' in like && kind.of !== like.of)
  return isOther || kind.inner.length !== like.inner.length ? undefined : kind.inner
}

function widened(inner: readonly number[], other: readonly number[]): number[] {
  const missing = inner.length - other.length
  return inner.map((size, axis) => {
    const beside = other[axis - missing] ?? 1
    return size === 1 || (size === -1 && beside !== 1) ? beside : size
  })
}

const rowsOnly = (change: (inner: readonly number[]) => readonly number[] | undefined): Rule =>
  function rule(_, [input]) {
    if (input?.is !== 'rows') return undefined
    const inner = change(input.inner)
    return inner && [{ is: 'rows', inner }]
  }

const reduction: Rule = (step, [input, axes]) => {
  const dropped = integersIn(axes)?.map((axis) => axisIn(axis, rankOf(input)))
  if (input?.is !== 'rows' || dropped === undefined || dropped.includes(0)) return undefined
  const isKept = boolOf(nodeOf(step), 'keep_dims', false)
  const inner = input.inner.flatMap((size, at) =>
    dropped.includes(at + 1) ? (isKept ? [1] : []) : [size],
  )
  return [{ is: 'rows', inner }]
}

const argOf: Rule = (_, [input, axis]) => {
  const [at] = integersIn(axis) ?? []
  const dropped = axisIn(at, rankOf(input))
  if (input?.is !== 'rows' || dropped <= 0) return undefined
  return [{ is: 'rows', inner: input.inner.toSpliced(dropped - 1, 1) }]
}

const reshape: Rule = (_, [input, target]) => {
  if (input?.is !== 'rows' || input.inner.includes(-1)) return undefined
  const wanted = integersIn(target)
  const [first, ...rest] = wanted ?? []
  const inner = target?.is === 'shape' ? target.inner : first === -1 ? rest : undefined
  if (inner === undefined || inner.includes(-1) || sizeOf(inner) === 0) return undefined
  return sizeOf(inner) === sizeOf(input.inner) ? [{ is: 'rows', inner }] : undefined
}

const expandDims: Rule = (_, [input, axis]) => {
  const [at] = integersIn(axis) ?? []
  const place = axisIn(at, rankOf(input) + 1)
  if (input?.is !== 'rows' || place <= 0 || place > input.inner.length + 1) return undefined
  return [{ is: 'rows', inner: input.inner.toSpliced(place - 1, 0, 1) }]
}

const squeeze: Rule = (step, [input]) => {
  const axes = intsOf(nodeOf(step), 'squeeze_dims', []).map(Number)
  const dropped = axes.map((axis) => axisIn(axis, rankOf(input)))
  if (input?.is !== 'rows' || dropped.length === 0 || dropped.includes(0)) return undefined
  return [{ is: 'rows', inner: input.inner.filter((_, at) => !dropped.includes(at + 1)) }]
}

const concat: Rule = (_, inputs) => {
  const [first] = inputs
  const [axis] = integersIn(inputs.at(-1)) ?? []
  const at = axisIn(axis, rankOf(first))
  if (first?.is !== 'rows' || at <= 0 || at > first.inner.length) return undefined
  let sum = 0
  for (const part of inputs.slice(0, -1)) {
    if (part.is !== 'rows' || part.inner.length !== first.inner.length) return undefined
    const size = part.inner[at - 1] ?? -1
    sum = sum < 0 || size < 0 ? -1 : sum + size
  }
  return [{ is: 'rows', inner: first.inner.with(at - 1, sum) }]
}

const pack: Rule = (step, inputs) => {
  const [first] = inputs
  if (first?.is === 'count') return packShape(step, inputs)
  const at = axisIn(intOf(nodeOf(step), 'axis', 0), rankOf(first) + 1)
  if (first?.is !== 'rows' || at <= 0) return undefined
  const isEven = inputs.every(
    (part) => part.is === 'rows' && part.inner.length === first.inner.length,
  )
  return isEven
    ? [{ is: 'rows', inner: first.inner.toSpliced(at - 1, 0, inputs.length) }]
    : undefined
}

/** `[rows, 3, 4]`, as graphs put it together to reshape by it. */
const packShape: Rule = (_, [, ...sizes]) => {
  const inner: number[] = []
  for (const kind of sizes) {
    const [size] = integersIn(kind) ?? []
    if (size === undefined) return undefined
    inner.push(size)
  }
  return [{ is: 'shape', inner }]
}

const gather: Rule = (step, inputs) => {
  if (intOf(nodeOf(step), 'batch_dims', 0) !== 0) return undefined
  return inputs[0]?.is === 'same' ? lookUp(step, inputs) : gatherColumns(step, inputs)
}

/** Rows of numbers that say what to take of a table. */
const lookUp: Rule = (_, [table, indices, axis]) => {
  const [at] = integersIn(axis) ?? []
  if (table?.is !== 'same' || table.shape === undefined || indices?.is !== 'rows' || at !== 0)
    return undefined
  return [{ is: 'rows', inner: [...indices.inner, ...table.shape.slice(1)] }]
}

/** Each key is looked up by itself. */
const tableFind: Rule = (_, [keys, values, asked, ...others]) =>
  asked?.is === 'rows' && [keys, values, ...others].every((kind) => kind?.is === 'same')
    ? [{ is: 'rows', inner: asked.inner }]
    : undefined

/** The same columns of every row. */
const gatherColumns: Rule = (_, [input, indices, axis]) => {
  const [at] = integersIn(axis) ?? []
  const place = axisIn(at, rankOf(input))
  const shape = indices?.is === 'same' ? indices.shape : undefined
  if (input?.is !== 'rows' || shape === undefined || place <= 0) return undefined
  return [{ is: 'rows', inner: input.inner.toSpliced(place - 1, 1, ...shape) }]
}

const stridedSlice: Rule = (step, inputs) => {
  const [from, ...others] = inputs.slice(1).map(integersIn)
  if (from === undefined || others.includes(undefined) || !isPlainSlice(nodeOf(step)))
    return undefined
  const shrinks = intOf(nodeOf(step), 'shrink_axis_mask', 0)
  if (inputs[0]?.is !== 'shape') return sliceRows(step, inputs)
  return from.length === 1 && from[0] === 0 && shrinks === 1 ? [{ is: 'count' }] : undefined
}

/** A slice that takes all rows. */
const sliceRows: Rule = (step, [input, begin, , strides]) => {
  const mask = (name: string) => intOf(nodeOf(step), name, 0)
  const shrinks = mask('shrink_axis_mask')
  const sliced = integersIn(begin)?.length ?? 0
  const isAll = (mask('begin_mask') & mask('end_mask') & 1) === 1 && integersIn(strides)?.[0] === 1
  if (input?.is !== 'rows' || !isAll || (shrinks & 1) === 1) return undefined
  const isShrunk = (axis: number) => axis < sliced && (shrinks & (1 << axis)) !== 0
  const inner = input.inner
    .map((size, index) => (index + 1 < sliced ? -1 : size))
    .filter((_, index) => !isShrunk(index + 1))
  return [{ is: 'rows', inner }]
}

const product: Rule = (step, [left, right]) => {
  const isTurned = ['transpose_a', 'adj_x'].some((name) => boolOf(nodeOf(step), name, false))
  if (left?.is !== 'rows' || right?.is !== 'same' || right.shape?.length !== 2) return undefined
  if (isTurned || left.inner.length === 0) return undefined
  const isTransposed = ['transpose_b', 'adj_y'].some((name) => boolOf(nodeOf(step), name, false))
  const columns = right.shape[isTransposed ? 0 : 1] ?? -1
  return [{ is: 'rows', inner: [...left.inner.slice(0, -1), columns] }]
}

const oneHot: Rule = (step, [indices, depth, ...values]) => {
  const [width] = integersIn(depth) ?? []
  const isPlain = values.every((kind) => kind.is === 'same' && isSameShape(kind.shape ?? [1], []))
  const isLast = intOf(nodeOf(step), 'axis', -1) === -1
  if (indices?.is !== 'rows' || width === undefined || !isPlain || !isLast) return undefined
  return [{ is: 'rows', inner: [...indices.inner, width] }]
}

/** The same in all rows which branch is taken, and what each of them gives is alike. */
const branchOutput: Rule = ({ outputs }, [index, ...given]) => {
  if (index?.is !== 'same') return undefined
  return outputs.map((_, port) => {
    const [first, ...others] = given.filter((_kind, at) => at % outputs.length === port)
    const isLike = ({ is, ...other }: Kind) =>
      is === first?.is && (is === 'same' || ('inner' in other && sameInner(first, other.inner)))
    return first !== undefined && others.every(isLike) ? plainKind(first) : undefined
  })
}

/** Nothing that holds of one branch alone. */
const plainKind = (kind: Kind): Kind | undefined =>
  kind.is === 'rows'
    ? { is: 'rows', inner: kind.inner }
    : kind.is === 'same'
      ? { is: 'same' }
      : undefined

const sameInner = (kind: Kind, inner: readonly number[]): boolean =>
  'inner' in kind && isSameShape(kind.inner, inner)

const rankOf = (kind: Kind | undefined): number =>
  kind !== undefined && 'inner' in kind ? kind.inner.length + 1 : 0

const isLong = (inner: readonly number[]) => (inner.length > 0 ? inner : undefined)
const each = (rule: Rule, ops: readonly string[]): Record<string, Rule> =>
  Object.fromEntries(ops.map((op) => [op, rule]))

/** By TensorFlow's names of the operations; undefined for what is not known to keep rows apart. */
export const rules: Readonly<Record<string, Rule>> = {
  ...each(elementwise, ['Abs', 'Add', 'AddN', 'AddV2', 'Cast', 'Ceil', 'ClipByValue', 'Cos']),
  ...each(elementwise, ['DivNoNan', 'Elu', 'Equal', 'Erf', 'Exp', 'Expm1', 'Floor', 'FloorMod']),
  ...each(elementwise, ['Greater', 'GreaterEqual', 'Identity', 'IsFinite', 'IsInf', 'IsNan']),
  ...each(elementwise, ['LeakyRelu', 'Less', 'LessEqual', 'Log', 'Log1p', 'LogicalAnd']),
  ...each(elementwise, ['LogicalNot', 'LogicalOr', 'Maximum', 'Minimum', 'Mul', 'Neg', 'NotEqual']),
  ...each(elementwise, ['OnesLike', 'PlaceholderWithDefault', 'Pow', 'RealDiv', 'Reciprocal']),
  ...each(elementwise, ['Relu', 'Relu6', 'Rsqrt', 'SelectV2', 'Selu', 'Sigmoid', 'Sign', 'Sin']),
  ...each(elementwise, ['Snapshot', 'Softplus', 'Softsign', 'Sqrt', 'Square', 'StopGradient']),
  ...each(elementwise, ['SquaredDifference', 'StaticRegexReplace', 'StringJoin', 'StringLower']),
  ...each(elementwise, ['StringToHashBucket', 'StringToHashBucketFast']),
  ...each(elementwise, ['StringToHashBucketStrong', 'Sub', 'Tanh', 'ZerosLike']),
  ...each(elementwise, ['AsString', 'DecodeBase64', 'EncodeBase64', 'StaticRegexFullMatch']),
  ...each(elementwise, ['StringLength', 'StringStrip', 'StringUpper', 'Substr']),
  ...each(elementwise, ['UnicodeScript', 'UnicodeTranscode']),
  ...each(elementwise, ['Acos', 'Acosh', 'ApproximateEqual', 'Asin', 'Asinh', 'Atan', 'Atan2']),
  ...each(elementwise, ['Atanh', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'Bucketize', 'Cosh']),
  ...each(elementwise, ['Erfc', 'FloorDiv', 'Inv', 'Invert', 'LeftShift', 'Mod', 'RightShift']),
  ...each(elementwise, ['Rint', 'Round', 'Sinh', 'Tan', 'TruncateDiv', 'TruncateMod', 'Xdivy']),
  ...each(elementwise, ['MulNoNan', 'Xlog1py', 'Xlogy', NARROW]),
  ...each(reduction, ['All', 'Any', 'Max', 'Mean', 'Min', 'Prod', 'ReduceJoin', 'Sum']),
  ...each(argOf, ['ArgMax', 'ArgMin']),
  ...each(product, ['BatchMatMulV2', 'MatMul']),
  ...each(rowsOnly(isLong), ['LogSoftmax', 'Softmax']),
  [BRANCH_OUTPUT]: branchOutput,
  BiasAdd: (step, inputs) => (rankOf(inputs[0]) > 1 ? elementwise(step, inputs) : undefined),
  ConcatV2: concat,
  ExpandDims: expandDims,
  IdentityN: (_, inputs) => inputs,
  LookupTableFindV2: tableFind,
  GatherV2: gather,
  OneHot: oneHot,
  Pack: pack,
  Reshape: reshape,
  Shape: (_, [input]) => (input?.is === 'rows' ? [{ is: 'shape', inner: input.inner }] : undefined),
  Squeeze: squeeze,
  StridedSlice: stridedSlice,
}

/** Whether an operation works element by element, on tensors that are broadcast to each other. */
export const isElementwise = (op: string): boolean =>
  Object.hasOwn(rules, op) && rules[op] === elementwise
