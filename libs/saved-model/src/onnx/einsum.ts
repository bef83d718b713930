// Einstein's sums: a product of matrices where there is one, which is several times faster than what
// onnxruntime makes of them, and refuses sizes that do not fit, as TensorFlow does.

import type { NodeDef } from '../graph.ts'
import { textOf, untranslatable } from '../node-attrs.ts'
import { unlessLarge } from './checks.ts'
import type { OnnxBuilder } from './model.ts'
import { type Context, inputOf, numericType, type OnnxOp } from './ops.ts'

const ELLIPSIS = '...'
const lettersOf = (labels: string): string[] => labels.split('')

/** A tensor whose dimensions have labels. */
interface Labelled {
  name: string
  labels: string
  /** The sizes of a constant. */
  sizes: readonly number[] | undefined
}

interface Operand extends Labelled {
  /** As far as it is known; a request may bring another one all the same. */
  rank: number | undefined
}

interface Sum {
  operands: readonly Operand[]
  result: string
}

function sumOf(context: Context): Sum {
  const { node } = context
  const equation = textOf(node, 'equation').replaceAll(' ', '')
  const [left = '', result, ...more] = equation.split('->')
  const labels = left.split(',')
  if (result === undefined || more.length > 0 || labels.length !== context.inputs.length)
    throw untranslatable(node, `its equation is ${equation}`)
  const hasEllipsis = labels.some((each) => each.includes(ELLIPSIS))
  if (hasRepeated(result) || hasEllipsis !== result.includes(ELLIPSIS))
    throw untranslatable(node, `its equation is ${equation}`)
  const operands = labels.map((each, index) => ({
    name: inputOf(context, index),
    labels: each,
    sizes: context.constant(index)?.shape,
    rank: context.shape(index)?.length,
  }))
  return { operands, result }
}

const hasRepeated = (labels: string): boolean => {
  const letters = lettersOf(labels.replace(ELLIPSIS, ''))
  return new Set(letters).size < letters.length
}

const isPlain = ({ labels }: Labelled): boolean => !labels.includes('.') && !hasRepeated(labels)

/** The axis of a label, counted from the back when it is behind an ellipsis. */
function axisOf(labels: string, label: string): bigint {
  const at = labels.indexOf(label)
  const ellipsis = labels.indexOf(ELLIPSIS)
  return BigInt(ellipsis >= 0 && ellipsis < at ? at - labels.length : at)
}

/** The sizes of some dimensions, as a vector. */
function sizesOf(onnx: OnnxBuilder, { name, labels }: Labelled, wanted: readonly string[]): string {
  const axes = onnx.vector(wanted.map((label) => axisOf(labels, label)))
  return onnx.op('Gather', [onnx.op('Shape', [name]), axes], { axis: 0n })
}

/** The first operand; the run fails where dimensions of one label are of different sizes. */
function sameSizes(
  onnx: OnnxBuilder,
  first: Labelled,
  other: Labelled,
  shared: readonly string[],
): string {
  if (shared.length === 0) return first.name
  const sizes = [first, other].map((each) => sizesOf(onnx, each, shared))
  return unlessLarge(onnx, onnx.op('Not', [onnx.op('Equal', sizes)]), first.name)
}

/** An operand; the run fails where it has another rank than labels. With an ellipsis onnxruntime sees to that. */
function withRank(onnx: OnnxBuilder, { name, labels, sizes }: Labelled): string {
  if (labels.includes(ELLIPSIS) || sizes?.length === labels.length) return name
  const rank = onnx.op('Shape', [onnx.op('Shape', [name])])
  const wanted = onnx.vector([BigInt(labels.length)])
  return unlessLarge(onnx, onnx.op('Not', [onnx.op('Equal', [rank, wanted])]), name)
}

/** Whether two labels are these, in either order. */
const areBoth = (labels: string, wanted: string): boolean =>
  labels === wanted || labels === wanted.split('').toReversed().join('')

/** Where the ellipses may stand for different dimensions: onnxruntime knows products of matrices alone. */
function asManyMatrices({ node, onnx, inputs }: Context, equation: string): string {
  const found = /^\.{3}(.)(.),\.{3}(.)(.)->\.{3}(.)(.)$/.exec(equation)
  const [, a = '', b = '', c = '', d = '', row = '', column = ''] = found ?? []
  const inner = a === row ? b : a
  if (
    new Set([row, column, inner]).size < 3 ||
    !areBoth(a + b, row + inner) ||
    !areBoth(c + d, inner + column)
  )
    throw untranslatable(node, `its equation is ${equation}`)
  const turned = (input = '', isTurned = false) =>
    isTurned ? onnx.op('Einsum', [input], { equation: '...ij->...ji' }) : input
  return onnx.op('MatMul', [turned(inputs[0], a !== row), turned(inputs[1], c !== inner)])
}

/**
 * As onnxruntime does it, which repeats dimensions of size 1, and ends the process over an operand that has
 * fewer of them than labels.
 */
function asEinsum(context: Context, { operands, result }: Sum): string {
  const { onnx } = context
  const [first, second] = operands
  const shared = lettersOf(first?.labels ?? '').filter(
    (label) => label !== '.' && second?.labels.includes(label),
  )
  const names = operands.map((operand) => withRank(onnx, operand))
  if (first !== undefined && second !== undefined)
    names[0] = sameSizes(onnx, { ...first, name: names[0] ?? '' }, second, [...new Set(shared)])
  const equation = `${operands.map(({ labels }) => labels).join(',')}->${result}`
  if (second?.labels.includes(ELLIPSIS) && first?.labels.includes(ELLIPSIS))
    return asManyMatrices(context, equation)
  return onnx.op('Einsum', names, { equation })
}

function transposed(onnx: OnnxBuilder, tensor: Labelled, wanted: string): Labelled {
  const { name, labels, sizes } = tensor
  if (labels === wanted) return tensor
  const perm = lettersOf(wanted).map((label) => labels.indexOf(label))
  return {
    name: onnx.op('Transpose', [name], { perm: perm.map(BigInt) }),
    labels: wanted,
    sizes: sizes && perm.map((axis) => sizes[axis] ?? 1),
  }
}

/** Adds up over the dimensions that nobody else has. */
function summed(onnx: OnnxBuilder, tensor: Labelled, kept: string): Labelled {
  const { name, labels } = tensor
  const dropped = lettersOf(labels).filter((label) => !kept.includes(label))
  if (dropped.length === 0) return tensor
  const axes = onnx.vector(dropped.map((label) => BigInt(labels.indexOf(label))))
  return {
    name: onnx.op('ReduceSum', [name, axes], { keepdims: 0n }),
    labels: lettersOf(labels)
      .filter((label) => kept.includes(label))
      .join(''),
    sizes: undefined,
  }
}

/** Makes one dimension of each group of neighbours. */
function grouped(onnx: OnnxBuilder, tensor: Labelled, groups: readonly string[]): string {
  const { name, labels, sizes } = tensor
  if (groups.every((group) => group.length === 1)) return name
  if (sizes !== undefined) {
    const product = (group: string) =>
      lettersOf(group).reduce((all, label) => all * (sizes[labels.indexOf(label)] ?? 1), 1)
    return onnx.op('Reshape', [name, onnx.vector(groups.map((group) => BigInt(product(group))))], {
      allowzero: 1n,
    })
  }
  const parts = groups.map((group) => {
    if (group === '') return onnx.vector([1n])
    const found = sizesOf(onnx, tensor, lettersOf(group))
    return group.length === 1 ? found : onnx.op('ReduceProd', [found], { keepdims: 1n })
  })
  return onnx.op('Reshape', [name, onnx.op('Concat', parts, { axis: 0n })], { allowzero: 1n })
}

/** The sizes of labels of which each is one of some tensor's, as a vector. */
function shapeOf(onnx: OnnxBuilder, labels: string, tensors: readonly Labelled[]): string {
  const parts = lettersOf(labels).map((label) => {
    const owner = tensors.find(
      (tensor) => tensor.sizes !== undefined && tensor.labels.includes(label),
    )
    const size = owner?.sizes?.[owner.labels.indexOf(label)]
    if (size !== undefined) return onnx.vector([BigInt(size)])
    const holder = tensors.find((tensor) => tensor.labels.includes(label))
    return holder === undefined ? onnx.vector([1n]) : sizesOf(onnx, holder, [label])
  })
  return onnx.op('Concat', parts, { axis: 0n })
}

/** By a product of matrices: `both` are its many matrices, `inner` what it adds up over. */
function asProduct(
  onnx: OnnxBuilder,
  { operands: [a, b], result }: { operands: readonly [Labelled, Labelled]; result: string },
): string {
  const left = summed(onnx, a, b.labels + result)
  const right = summed(onnx, b, a.labels + result)
  const shared = lettersOf(left.labels).filter((label) => right.labels.includes(label))
  const both = shared.filter((label) => result.includes(label)).join('')
  const inner = shared.filter((label) => !result.includes(label)).join('')
  const only = ({ labels }: Labelled) =>
    lettersOf(labels)
      .filter((label) => !shared.includes(label))
      .join('')
  const [rows, columns] = [only(left), only(right)]
  const turnedLeft = transposed(onnx, left, both + rows + inner)
  const turnedRight = transposed(onnx, right, both + inner + columns)
  // Several rows meet one and the same matrix as they are.
  const leftGroups = [
    ...lettersOf(both),
    ...(both === '' && rows !== '' ? lettersOf(rows) : [rows]),
    inner,
  ]
  const factors = [
    grouped(
      onnx,
      { ...turnedLeft, name: sameSizes(onnx, turnedLeft, turnedRight, lettersOf(both)) },
      leftGroups,
    ),
    grouped(onnx, turnedRight, [...lettersOf(both), inner, columns]),
  ]
  const product = onnx.op('MatMul', factors)
  const labels = both + rows + columns
  const isWhole = leftGroups.length === both.length + rows.length + 1 && columns.length === 1
  const name =
    labels === ''
      ? onnx.op('Reshape', [product, onnx.vector([])])
      : isWhole
        ? product
        : onnx.op('Reshape', [product, shapeOf(onnx, labels, [turnedLeft, turnedRight])], {
            allowzero: 1n,
          })
  return transposed(onnx, { name, labels, sizes: undefined }, result).name
}

/** onnxruntime adds integers up as doubles, but for products of matrices. */
function checkType(node: NodeDef, { operands, result }: Sum): void {
  const type = numericType(node)
  if (type === 'DT_BOOL') throw untranslatable(node, 'it works on truth values')
  if (type !== 'DT_INT32' && type !== 'DT_INT64') return
  const isAlone = (label: string) =>
    operands.filter(({ labels }) => labels.includes(label)).length === 1 && !result.includes(label)
  const labels = operands.flatMap((each) => lettersOf(each.labels))
  if (!operands.every(isPlain) || labels.some(isAlone))
    throw untranslatable(node, `it adds up ${type}`)
}

/** Adds products up, as an equation of labels says. */
export const einsum: OnnxOp = (context) => {
  const { node, onnx } = context
  const sum = sumOf(context)
  checkType(node, sum)
  const { operands, result } = sum
  const [first, second, ...more] = operands
  if (first === undefined || more.length > 0 || !operands.every(isPlain) || result.includes('.'))
    return asEinsum(context, sum)
  const known = new Set(operands.flatMap(({ labels }) => lettersOf(labels)))
  if (lettersOf(result).some((label) => !known.has(label)))
    throw untranslatable(node, 'its equation gives what nobody has')
  const ranked = (operand: Operand): Labelled =>
    operand.rank === operand.labels.length ? operand : { ...operand, name: withRank(onnx, operand) }
  if (second !== undefined)
    return asProduct(onnx, { operands: [ranked(first), ranked(second)], result })
  const { name } = transposed(onnx, summed(onnx, ranked(first), result), result)
  return name === first.name ? onnx.op('Identity', [name]) : name
}
