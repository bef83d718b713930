// Operations that move elements without looking at them.

import { sizeOf } from '@drover/serving-api'
import { intOf, intsOf, typeOf, untranslatable } from '../node-attrs.ts'
import {
  asInteger,
  asIntegers,
  axisOf,
  copyInto,
  countOf,
  integers,
  invalid,
  pick,
  reshaped,
  type Value,
  zeros,
} from '../values.ts'
import { type Kernel, withOne, withThree, withTwo } from './kernel.ts'

const identity: Kernel = () => withOne((input) => input)

const reshape: Kernel = () =>
  withTwo((input, target) => {
    const wanted = asIntegers(target)
    // A size is found from the others without those of 0, of which the input's own say nothing either.
    const isNothing = wanted.includes(0)
    const known = sizeOf(wanted.filter((size) => size !== -1 && size !== 0))
    const given = sizeOf(input.shape.filter((size) => !isNothing || size !== 0))
    const isEmpty = isNothing && input.values.length === 0
    const missing = isEmpty ? Math.floor(given / known) : given / known
    const shape = wanted.map((size) => (size === -1 ? missing : size))
    const isFilled =
      sizeOf(shape) === input.values.length &&
      shape.every((size) => Number.isInteger(size) && size >= 0)
    if (!isFilled || wanted.filter((size) => size === -1).length > 1)
      throw invalid(`[${input.shape.join(', ')}] cannot become [${wanted.join(', ')}]`)
    return reshaped(input, shape)
  })

const expandDims: Kernel = () =>
  withTwo((input, axis) => {
    const at = axisOf(asInteger(axis), input.shape.length + 1)
    return reshaped(input, input.shape.toSpliced(at, 0, 1))
  })

const squeeze: Kernel = (node) => {
  const axes = intsOf(node, 'squeeze_dims', []).map(Number)
  return withOne((input) => {
    const dropped = new Set(axes.map((axis) => axisOf(axis, input.shape.length)))
    for (const axis of dropped)
      if (input.shape[axis] !== 1) throw invalid(`dimension ${axis} is ${input.shape[axis]}, not 1`)
    const isKept = (size: number, axis: number) =>
      dropped.size === 0 ? size !== 1 : !dropped.has(axis)
    return reshaped(input, input.shape.filter(isKept))
  })
}

/** Joins along an axis that all inputs have. */
function concat(parts: readonly Value[], axis: number): Value {
  const [first] = parts
  if (first === undefined) throw invalid('there is nothing to join')
  const at = axisOf(axis, first.shape.length)
  const isFitting = (part: Value) =>
    part.dtype === first.dtype &&
    part.shape.length === first.shape.length &&
    part.shape.every((size, other) => other === at || size === first.shape[other])
  if (!parts.every(isFitting)) throw invalid('tensors of different shapes cannot be joined')
  const sum = parts.reduce((total, part) => total + (part.shape[at] ?? 0), 0)
  const joined = zeros(first.dtype, first.shape.with(at, sum))
  const inner = sizeOf(first.shape.slice(at + 1))
  const outer = sizeOf(first.shape.slice(0, at))
  let position = 0
  for (let row = 0; row < outer; row++)
    for (const value of parts) {
      const block = (value.shape[at] ?? 0) * inner
      copyInto({ value: joined, at: position }, { value, at: row * block }, block)
      position += block
    }
  return joined
}

const concatV2: Kernel = () => (inputs) => {
  const axis = inputs.at(-1)
  if (axis === undefined) throw invalid('there is nothing to join')
  return [concat(inputs.slice(0, -1), asInteger(axis))]
}

const pack: Kernel = (node) => {
  const axis = intOf(node, 'axis', 0)
  return (inputs) => {
    const rank = (inputs[0]?.shape.length ?? 0) + 1
    const at = axisOf(axis, rank)
    const parts = inputs.map((input) => reshaped(input, input.shape.toSpliced(at, 0, 1)))
    return [concat(parts, at)]
  }
}

const gather: Kernel = (node) => {
  if (intOf(node, 'batch_dims', 0) !== 0) throw untranslatable(node, 'it has batch dimensions')
  return withThree((params, indices, axis) => {
    const at = axisOf(asInteger(axis), params.shape.length)
    const size = params.shape[at] ?? 0
    const wanted = asIntegers(indices)
    const missing = wanted.find((index) => index < 0 || index >= size)
    if (missing !== undefined) throw invalid(`the index ${missing} is not below ${size}`)
    return slicesAt(params, wanted, {
      axis: at,
      shape: params.shape.toSpliced(at, 1, ...indices.shape),
    })
  })
}

/** What is at these places of an axis, all of which there are, in a new shape. */
export function slicesAt(
  params: Value,
  wanted: readonly number[],
  { axis, shape }: { axis: number; shape: readonly number[] },
): Value {
  const size = params.shape[axis] ?? 0
  const inner = sizeOf(params.shape.slice(axis + 1))
  const outer = sizeOf(params.shape.slice(0, axis))
  const value = zeros(params.dtype, shape)
  let position = 0
  for (let row = 0; row < outer; row++)
    for (const index of wanted) {
      const from = (row * size + index) * inner
      copyInto({ value, at: position }, { value: params, at: from }, inner)
      position += inner
    }
  return value
}

const shape: Kernel = (node) => {
  const type = typeOf(node, 'out_type', 'DT_INT32')
  return withOne((input) => integers(type, [input.shape.length], [...input.shape]))
}

const size: Kernel = (node) => {
  const type = typeOf(node, 'out_type', 'DT_INT32')
  return withOne((input) => integers(type, [], [input.values.length]))
}

const fill: Kernel = () =>
  withTwo((dims, value) => {
    const target = asIntegers(dims)
    if (value.values.length !== 1) throw invalid('one value was expected')
    return pick(value, target, new Int32Array(countOf(target)))
  })

/** Operations on shapes and positions, for elements of any type. */
export const shapeKernels: Readonly<Record<string, Kernel>> = {
  ConcatV2: concatV2,
  ExpandDims: expandDims,
  Fill: fill,
  GatherV2: gather,
  Identity: identity,
  IdentityN: () => (inputs) => [...inputs],
  Pack: pack,
  PlaceholderWithDefault: identity,
  Reshape: reshape,
  Shape: shape,
  Size: size,
  Snapshot: identity,
  Squeeze: squeeze,
  StopGradient: identity,
}
