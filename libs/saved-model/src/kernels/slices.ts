// Slices and parts of tensors, for elements of any type.

import type { NodeDef } from '../graph.ts'
import { intOf } from '../node-attrs.ts'
import { type SliceSpec, type SliceSpecs, sliceSpecs } from '../strided-slice.ts'
import {
  asInteger,
  asIntegers,
  axisOf,
  countOf,
  invalid,
  pick,
  positionsOf,
  reshaped,
  stridesOf,
  type Value,
} from '../values.ts'
import { type Kernel, type Run, withThree, withTwo } from './kernel.ts'

/** The slice of one dimension. */
interface Slice {
  from: number
  step: number
  length: number
}

const whole = (size: number): Slice => ({ from: 0, step: 1, length: size })

interface Bounds {
  begin: readonly number[]
  end: readonly number[]
  strides: readonly number[]
}

function sliceOf(
  { at, hasBegin, hasEnd, isShrunk }: SliceSpec,
  size: number,
  { begin, end, strides }: Bounds,
): Slice {
  const first = begin[at] ?? 0
  if (isShrunk) return { from: axisOf(first, size), step: 1, length: 1 }
  const step = strides[at] ?? 1
  if (step === 0) throw invalid('a stride is 0')
  const [least, most] = step > 0 ? [0, size] : [-1, size - 1]
  const clamp = (index: number) => Math.min(Math.max(index < 0 ? index + size : index, least), most)
  const from = hasBegin ? clamp(first) : step > 0 ? 0 : size - 1
  const to = hasEnd ? clamp(end[at] ?? 0) : step > 0 ? size : -1
  return { from, step, length: Math.max(0, Math.ceil((to - from) / step)) }
}

/** The specs of so many numbers, nearly always as many as the last time. */
function specsByCount(node: NodeDef): (count: number) => SliceSpecs {
  let [known, last] = [sliceSpecs(node, 0), 0]
  return (count) => {
    if (count !== last) [known, last] = [sliceSpecs(node, count), count]
    return known
  }
}

const stridedSlice: Kernel = (node) => {
  // What cannot be told is refused now, whatever the numbers are that come along.
  const specsOf = specsByCount(node)
  return ((inputs) => {
    const [input, ...bounds] = inputs
    if (input === undefined || bounds.length !== 3) throw invalid('4 inputs were expected')
    const [begin = [], end = [], strides = []] = bounds.map(asIntegers)
    if (begin.length !== end.length || begin.length !== strides.length)
      throw invalid(`${begin.length}, ${end.length} and ${strides.length} bounds`)
    const { slices, added } = specsOf(begin.length)
    const rank = input.shape.length
    if (slices.length > rank) throw invalid('more slices than dimensions')
    const found = input.shape.map(whole)
    const dropped = new Set<number>()
    for (const slice of slices) {
      const axis = axisOf(slice.axis, rank)
      found[axis] = sliceOf(slice, input.shape[axis] ?? 0, { begin, end, strides })
      if (slice.isShrunk) dropped.add(axis)
    }
    const part = sliced(input, found)
    const kept = part.shape.filter((_, axis) => !dropped.has(axis))
    return [reshaped(part, withOnes(kept, added))]
  }) satisfies Run
}

/** A shape with new dimensions of size 1 at these places of the new shape. */
function withOnes(shape: readonly number[], added: readonly number[]): readonly number[] {
  if (added.length === 0) return shape
  const rank = shape.length + added.length
  const ones = new Set(added.map((at) => axisOf(at, rank)))
  const sizes = [...shape]
  return Array.from({ length: rank }, (_, axis) => (ones.has(axis) ? 1 : (sizes.shift() ?? 1)))
}

function sliced(input: Value, slices: readonly Slice[]): Value {
  const strides = stridesOf(input.shape)
  const start = slices.reduce((sum, { from }, axis) => sum + from * (strides[axis] ?? 1), 0)
  const steps = slices.map(({ step }, axis) => step * (strides[axis] ?? 1))
  const shape = slices.map(({ length }) => length)
  const along = shape.findIndex((length) => length !== 1)
  // Nearly always elements along one axis, or only one.
  if (along === shape.findLastIndex((length) => length !== 1))
    return picked(input, shape, { start, step: steps[along] ?? 1 })
  return pick(input, shape, positionsOf(shape, steps, start))
}

function picked(
  input: Value,
  shape: readonly number[],
  { start, step }: { start: number; step: number },
): Value {
  const count = countOf(shape)
  const at: number[] = []
  for (let index = 0; index < count; index++) at.push(start + index * step)
  return pick(input, shape, at)
}

/** A slice of certain sizes, of which -1 stands for all that is left. */
const slice: Kernel = () =>
  withThree((input, begin, size) => {
    const [from, sizes] = [asIntegers(begin), asIntegers(size)]
    if (from.length !== input.shape.length || sizes.length !== input.shape.length)
      throw invalid(`${from.length} slices for ${input.shape.length} dimensions`)
    return sliced(
      input,
      input.shape.map((all, axis) => {
        const first = from[axis] ?? 0
        const length = sizes[axis] === -1 ? all - first : (sizes[axis] ?? 0)
        if (first < 0 || length < 0 || first + length > all)
          throw invalid(`${length} elements from ${first} on are not in ${all}`)
        return { from: first, step: 1, length }
      }),
    )
  })

const reverse: Kernel = () =>
  withTwo((input, axes) => {
    const turned = new Set(asIntegers(axes).map((axis) => axisOf(axis, input.shape.length)))
    return sliced(
      input,
      input.shape.map((size, axis) =>
        turned.has(axis) ? { from: Math.max(0, size - 1), step: -1, length: size } : whole(size),
      ),
    )
  })

/** Parts of given sizes, of which one may be all that is left. */
const splitV: Kernel = (node) => {
  const count = intOf(node, 'num_split')
  return withThree((input, sizes, axis) => {
    const at = axisOf(asInteger(axis), input.shape.length)
    const given = asIntegers(sizes)
    const size = input.shape[at] ?? 0
    const known = given.reduce((sum, each) => sum + Math.max(each, 0), 0)
    const lengths = given.map((each) => (each === -1 ? size - known : each))
    const isWhole = lengths.reduce((sum, each) => sum + each, 0) === size
    if (given.length !== count || !isWhole || lengths.some((each) => each < 0))
      throw invalid(`${size} cannot be divided into [${given.join(', ')}]`)
    let from = 0
    return lengths.map((length) => {
      const slices = input.shape.map(whole).with(at, { from, step: 1, length })
      from += length
      return sliced(input, slices)
    })
  })
}

/** Slices and parts. */
export const sliceKernels: Readonly<Record<string, Kernel>> = {
  ReverseV2: reverse,
  Slice: slice,
  SplitV: splitV,
  StridedSlice: stridedSlice,
}
