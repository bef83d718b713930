// Operations that move elements, of numeric graphs alone.

import { sizeOf } from '@drover/serving-api'
import { intOf, typeOf } from '../node-attrs.ts'
import {
  asInteger,
  asIntegers,
  axisOf,
  countOf,
  integers,
  invalid,
  pick,
  positionsOf,
  reshaped,
  stridesOf,
  type Value,
} from '../values.ts'
import { type Kernel, withOne, withThree, withTwo } from './kernel.ts'
import { selected } from './numbers.ts'

const rank: Kernel = (node) => {
  const type = typeOf(node, 'out_type', 'DT_INT32')
  return withOne((input) => integers(type, [], [input.shape.length]))
}

const transpose: Kernel = () =>
  withTwo((input, permutation) => {
    const axes = asIntegers(permutation)
    const strides = stridesOf(input.shape)
    if (axes.length !== input.shape.length || new Set(axes).size !== axes.length)
      throw invalid(`[${axes.join(', ')}] is no order of ${input.shape.length} dimensions`)
    const order = axes.map((axis) => axisOf(axis, input.shape.length))
    const shape = order.map((axis) => input.shape[axis] ?? 1)
    const steps = order.map((axis) => strides[axis] ?? 1)
    return pick(input, shape, positionsOf(shape, steps))
  })

const tile: Kernel = () =>
  withTwo((input, multiples) => {
    const times = asIntegers(multiples)
    if (times.length !== input.shape.length)
      throw invalid(`${times.length} multiples for ${input.shape.length} dimensions`)
    const shape = input.shape.map((size, axis) => size * (times[axis] ?? 1))
    countOf(shape)
    // Each dimension once for its repetitions, which stay where they are, and once for itself.
    const view = input.shape.flatMap((size, axis) => [times[axis] ?? 1, size])
    const steps = stridesOf(input.shape).flatMap((stride) => [0, stride])
    return pick(input, shape, positionsOf(view, steps))
  })

/** Parts of one length along an axis, one after the other. */
function parts(input: Value, axis: number, count: number): Value[] {
  const size = input.shape[axis] ?? 0
  if (!Number.isInteger(size / count)) throw invalid(`${size} cannot be divided into ${count}`)
  const shape = input.shape.with(axis, size / count)
  const strides = stridesOf(input.shape)
  const step = (size / count) * (strides[axis] ?? 1)
  return Array.from({ length: count }, (_, index) =>
    pick(input, shape, positionsOf(shape, strides, index * step)),
  )
}

const split: Kernel = (node) => {
  const count = intOf(node, 'num_split')
  return withTwo((axis, input) => parts(input, axisOf(asInteger(axis), input.shape.length), count))
}

const unpack: Kernel = (node) => {
  const [count, axis] = [intOf(node, 'num'), intOf(node, 'axis', 0)]
  return withOne((input) => {
    const at = axisOf(axis, input.shape.length)
    if (input.shape[at] !== count) throw invalid(`dimension ${at} is not ${count}`)
    return parts(input, at, count).map((part) => reshaped(part, part.shape.toSpliced(at, 1)))
  })
}

/** Each index becomes a row along the axis with one place on, or none when it is outside. */
const oneHot: Kernel = (node) => {
  const axis = intOf(node, 'axis', -1)
  return (inputs) => {
    const [indices, depth, on, off] = inputs
    if (indices === undefined || depth === undefined || on === undefined || off === undefined)
      throw invalid('4 inputs were expected')
    const width = asInteger(depth)
    const at = axis === -1 ? indices.shape.length : axisOf(axis, indices.shape.length + 1)
    const shape = indices.shape.toSpliced(at, 0, width)
    const places = new Uint8Array(countOf(shape))
    const inner = sizeOf(indices.shape.slice(at))
    for (const [row, index] of asIntegers(indices).entries()) {
      const column = row % inner
      if (index >= 0 && index < width)
        places[((row - column) / inner) * inner * width + index * inner + column] = 1
    }
    return [selected({ dtype: 'DT_BOOL', shape, values: places }, on, off)]
  }
}

/** The first kind of Select takes a vector of conditions for whole rows. */
const select: Kernel = () =>
  withThree((condition, yes, no) => {
    const trailing = yes.shape.slice(condition.shape.length).map(() => 1)
    return selected(reshaped(condition, [...condition.shape, ...trailing]), yes, no)
  })

/** Operations that move elements. */
export const arrangeKernels: Readonly<Record<string, Kernel>> = {
  OneHot: oneHot,
  Rank: rank,
  Select: select,
  Split: split,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
}
