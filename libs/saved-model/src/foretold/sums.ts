// How large the outputs of operations are that make one number of many.

import { exactly, type Extent, elementsOf, extent, hullOf, product, rangeOf } from './extent.ts'
import type { OutlineNode } from './outline.ts'
import { broadcast } from './ranges.ts'
import { axisOf, NOTHING, type Telling } from './shapes.ts'

const listOf = (node: OutlineNode, name: string, count: number, each: number): number[] =>
  node.lists[name] ?? Array.from({ length: count }, () => each)

const reduce: Telling = (node, [input = NOTHING, given]) => {
  const rank = input.dims.length
  const named = node.lists['axes'] ?? (given === undefined ? [] : exactly(given))
  const isKept = node.numbers['keepdims'] !== 0
  const isNoop = named?.length === 0 && node.numbers['noop_with_empty_axes'] === 1
  if (isNoop) return [input]
  if (named === undefined) return [unknownAxes(input, given, isKept)]
  const axes =
    named.length === 0 ? input.dims.map((_, at) => at) : named.map((at) => axisOf(at, rank))
  const dims = input.dims.flatMap((length, at) => {
    if (!axes.includes(at)) return [length]
    return isKept ? [1] : []
  })
  const range = reducedRange(node.op, input, axes)
  const { dtype, isExact } = input
  return [extent(dtype, dims, { isExact, range })]
}

function unknownAxes(input: Extent, axes: Extent | undefined, isKept: boolean): Extent {
  const rank = input.dims.length - (isKept ? 0 : (axes?.count ?? 0))
  const dims = isKept ? input.dims : Array.from({ length: Math.max(0, rank) }, () => input.count)
  return extent(input.dtype, dims, { countMax: input.count })
}

function reducedRange(op: string, input: Extent, axes: readonly number[]): Extent['range'] {
  if (op === 'ReduceMax' || op === 'ReduceMin') return extremeRange(op === 'ReduceMax', input)
  const isAll = input.dims.every((_, at) => axes.includes(at))
  const elements = input.dtype === 'DT_FLOAT' ? undefined : elementsOf(input)
  if (elements === undefined || !isAll) return op === 'ReduceSum' ? summed(input, axes) : undefined
  if (op === 'ReduceSum') {
    const sum = (end: 0 | 1) => elements.reduce((all, each) => all + each[end], 0)
    return { low: [sum(0)], high: [sum(1)] }
  }
  if (op !== 'ReduceProd' || elements.some(([low]) => low < 0)) return undefined
  const times = (end: 0 | 1) =>
    elements.reduce((all, each) => (each[end] === 0 ? 0 : all * each[end]), 1)
  return { low: [times(0)], high: [times(1)] }
}

/** Of no elements the greatest is the least number that there is, and the other way round. */
function extremeRange(isGreatest: boolean, input: Extent): Extent['range'] {
  const { dtype, count, isExact, range } = input
  const some = hullOf([range])
  if (count > 0 && isExact) return some
  if (dtype !== 'DT_INT32' && dtype !== 'DT_INT64') return undefined
  const end = dtype === 'DT_INT32' ? 2 ** 31 : 2 ** 63
  const none = [isGreatest ? -end : end]
  if (count === 0) return { low: none, high: none }
  if (some === undefined) return undefined
  return isGreatest ? { low: none, high: some.high } : { low: some.low, high: none }
}

/** Of many elements, each between the same numbers. */
function summed({ dtype, range, dims }: Extent, axes: readonly number[]): Extent['range'] {
  const all = hullOf([range])
  if (all === undefined) return undefined
  const [low = -Infinity, high = Infinity] = [all.low[0], all.high[0]]
  const count = product(dims.filter((_, at) => axes.includes(at)))
  const slack = dtype === 'DT_FLOAT' ? 1 + ROUNDED * count : 1
  const most = (end: number) => (end === 0 || count === 0 ? 0 : end * count * slack)
  return { low: [Math.min(0, most(low))], high: [Math.max(0, most(high))] }
}
/** What an addition of floats is off at most. */
const ROUNDED = 2 ** -23

const cumSum: Telling = (node, [input = NOTHING, axis]) => {
  const { dtype, dims, isExact, count: countMax } = input
  const elements = dims.length === 1 && dtype !== 'DT_FLOAT' ? elementsOf(input) : undefined
  const [at] = exactly(axis) ?? []
  const axes = at === undefined ? dims.map((_, each) => each) : [axisOf(at, dims.length)]
  const isPlain = ['exclusive', 'reverse'].every((name) => (node.numbers[name] ?? 0) === 0)
  const range = elements && isPlain ? rangeOf(runningSums(elements)) : summed(input, axes)
  return [extent(dtype, dims, { isExact, countMax, range })]
}

function runningSums(elements: readonly (readonly [number, number])[]): [number, number][] {
  let [low, high] = [0, 0]
  return elements.map((each): [number, number] => {
    low += each[0]
    high += each[1]
    return [low, high]
  })
}

const found: Telling = (node, [input = NOTHING]) => {
  const axis = axisOf(node.numbers['axis'] ?? 0, input.dims.length)
  const isKept = node.numbers['keepdims'] !== 0
  const dims = input.dims.flatMap((length, at) => {
    if (at !== axis) return [length]
    return isKept ? [1] : []
  })
  const range = { low: [0], high: [Math.max(0, (input.dims[axis] ?? 1) - 1)] }
  return [extent('DT_INT64', dims, { isExact: input.isExact, range })]
}

const topK: Telling = (node, [input = NOTHING, k = NOTHING]) => {
  const axis = axisOf(node.numbers['axis'] ?? -1, input.dims.length)
  const wanted = exactly(k)
  const length = input.dims[axis] ?? 0
  const dims = input.dims.map((each, at) =>
    at === axis ? Math.min(length, wanted?.[0] ?? length) : each,
  )
  const isExact = input.isExact && wanted !== undefined
  const places = { low: [0], high: [Math.max(0, length - 1)] }
  return [
    extent(input.dtype, dims, { isExact, range: hullOf([input.range]) }),
    extent('DT_INT64', dims, { isExact, range: places }),
  ]
}

const nonZero: Telling = (_, [input = NOTHING]) => {
  const most = Math.max(0, Math.max(0, ...input.dims) - 1)
  const range = { low: [0], high: [most] }
  return [extent('DT_INT64', [input.dims.length, input.count], { range })]
}

const matMul: Telling = (_, [a = NOTHING, b = NOTHING]) => {
  const [rows, columns] = [a.dims.slice(-2, -1), b.dims.length < 2 ? [] : b.dims.slice(-1)]
  const batch = broadcast([a.dims.slice(0, -2), b.dims.slice(0, -2)])
  return [extent(a.dtype, [...batch, ...rows, ...columns], { isExact: a.isExact && b.isExact })]
}

/** The dimensions of the result of an equation, and how many products it adds up. */
function einsumOf({ texts }: OutlineNode, inputs: readonly Extent[]) {
  const equation = (texts['equation'] ?? '').replaceAll(' ', '')
  const [left = '', right = ''] = equation.split('->')
  const sizes = new Map<string, number>()
  const rests: number[][] = []
  for (const [at, term] of left.split(',').entries()) {
    const { rest, labels } = labelled(term, inputs[at]?.dims ?? [])
    rests.push(rest)
    for (const [label, length] of labels) sizes.set(label, Math.max(sizes.get(label) ?? 0, length))
  }
  const batch = broadcast(rests)
  const [before = '', after] = right.split('...')
  const of = (labels = '') => Array.from(labels, (label) => sizes.get(label) ?? 1)
  const dims = [...of(before), ...(after === undefined ? [] : batch), ...of(after)]
  return { dims, work: product([...sizes.values(), ...batch]) }
}

/** The dimensions of an operand by their labels, and those that have none. */
function labelled(term: string, all: readonly number[]) {
  const dims = [...all]
  const [before = '', after] = term.split('...')
  const more = after === undefined ? 0 : dims.length - before.length - after.length
  const rest = dims.splice(before.length, Math.max(0, more))
  const labels = Array.from(before + (after ?? ''), (label, at) => [label, dims[at] ?? 0] as const)
  return { rest, labels }
}

const einsum: Telling = (node, inputs) => [
  extent(inputs[0]?.dtype ?? 'DT_FLOAT', einsumOf(node, inputs).dims, {
    isExact: inputs.every(({ isExact }) => isExact),
  }),
]

/** How many places a window has along each axis. */
function windowed(
  node: OutlineNode,
  sizes: readonly number[],
  kernel: readonly number[],
): number[] {
  const count = sizes.length
  const [strides, dilations] = [
    listOf(node, 'strides', count, 1),
    listOf(node, 'dilations', count, 1),
  ]
  const pads = listOf(node, 'pads', 2 * count, 0)
  const isSame = node.texts['auto_pad']?.startsWith('SAME') === true
  return sizes.map((length, at) => {
    if (isSame) return Math.ceil(length / (strides[at] ?? 1))
    const reach = ((kernel[at] ?? 1) - 1) * (dilations[at] ?? 1) + 1
    const room = length + (pads[at] ?? 0) + (pads[at + count] ?? 0) - reach
    const steps = room / (strides[at] ?? 1)
    return Math.max(0, (node.numbers['ceil_mode'] === 1 ? Math.ceil(steps) : Math.floor(steps)) + 1)
  })
}

const convolve: Telling = (node, [input = NOTHING, weights = NOTHING]) => {
  const places = windowed(node, input.dims.slice(2), weights.dims.slice(2))
  const dims = [input.dims[0] ?? 0, weights.dims[0] ?? 0, ...places]
  return [extent(input.dtype, dims, { isExact: input.isExact && weights.isExact })]
}

const convolveBack: Telling = (node, [input = NOTHING, weights = NOTHING]) => {
  const sizes = input.dims.slice(2)
  const count = sizes.length
  const [strides, dilations] = [
    listOf(node, 'strides', count, 1),
    listOf(node, 'dilations', count, 1),
  ]
  const [pads, more] = [
    listOf(node, 'pads', 2 * count, 0),
    listOf(node, 'output_padding', count, 0),
  ]
  const places = sizes.map((length, at) => {
    const reach = ((weights.dims[at + 2] ?? 1) - 1) * (dilations[at] ?? 1) + 1
    const whole = Math.max(0, length - 1) * (strides[at] ?? 1) + reach + (more[at] ?? 0)
    return Math.max(0, whole - (pads[at] ?? 0) - (pads[at + count] ?? 0))
  })
  const channels = (weights.dims[1] ?? 0) * (node.numbers['group'] ?? 1)
  const isExact = input.isExact && weights.isExact
  return [extent(input.dtype, [input.dims[0] ?? 0, channels, ...places], { isExact })]
}

const pool: Telling = (node, [input = NOTHING]) => {
  const places = windowed(node, input.dims.slice(2), node.lists['kernel_shape'] ?? [])
  const dims = [...input.dims.slice(0, 2), ...places]
  return [extent(input.dtype, dims, { isExact: input.isExact })]
}

/** Operations by ONNX's names. */
export const sumTellings: Readonly<Record<string, Telling>> = {
  ArgMax: found,
  ArgMin: found,
  AveragePool: pool,
  Conv: convolve,
  ConvTranspose: convolveBack,
  CumSum: cumSum,
  Einsum: einsum,
  MatMul: matMul,
  MaxPool: pool,
  NonZero: nonZero,
  ...Object.fromEntries(
    ['Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare', 'L2', 'LogSumExp'].map((how) => [
      `Reduce${how}`,
      reduce,
    ]),
  ),
  TopK: topK,
}

/** Products that are added up, by the elements that come out of them. */
export function multiplyAdds(
  node: OutlineNode,
  inputs: readonly Extent[],
  outputs: readonly Extent[],
): number {
  const [input = NOTHING, weights = NOTHING] = inputs
  const made = outputs[0]?.count ?? 0
  if (made === 0) return 0
  if (node.op === 'MatMul') return made * (input.dims.at(-1) ?? 1)
  if (node.op === 'Conv') return made * product(weights.dims.slice(1))
  if (node.op === 'ConvTranspose') return input.count * product(weights.dims.slice(1))
  if (node.op === 'Einsum') return einsumOf(node, inputs).work
  return 0
}
