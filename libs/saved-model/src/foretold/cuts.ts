// How large the parts are that tensors are cut into.

import { elementOf, elementsOf, exactly, type Extent, extent, hullOf, rangeOf } from './extent.ts'
import { axisOf, NOTHING, type Telling } from './shapes.ts'

const slice: Telling = (_, [data = NOTHING, starts = NOTHING, ends = NOTHING, given, by]) => {
  const rank = data.dims.length
  const axes = given === undefined ? data.dims.map((__, at) => at) : exactly(given)
  const known = axes?.map((axis) => axisOf(axis, rank))
  const cuts = data.dims.map((length, axis): Cut => {
    const at = known?.indexOf(axis) ?? -1
    if (at < 0) return { length, isExact: known !== undefined }
    return cutOf(length, elementOf(starts, at), elementOf(ends, at), by && elementOf(by, at))
  })
  const isExact = data.isExact && cuts.every((cut) => cut.isExact)
  const dims = cuts.map(({ length }) => length)
  const step = by === undefined ? 1 : elementOf(by, 0)[0]
  const range =
    isExact && rank === 1 ? taken(data, { starts, step, length: dims[0] ?? 0 }) : undefined
  const within = range ?? hullOf([data.range])
  return [extent(data.dtype, dims, { isExact, countMax: data.count, range: within })]
}

interface Cut {
  length: number
  isExact: boolean
}

/** The elements that a slice of a vector has, where all of them are known. */
function taken(
  data: Extent,
  { starts, step, length }: { starts: Extent; step: number; length: number },
): Extent['range'] {
  const elements = elementsOf(data)
  const [start] = exactly(starts) ?? []
  if (elements === undefined || start === undefined) return undefined
  const whole = elements.length
  const from = Math.min(
    Math.max(start < 0 ? start + whole : start, 0),
    step < 0 ? whole - 1 : whole,
  )
  return rangeOf(Array.from({ length }, (_, at) => elements[from + at * step] ?? ALL))
}
const ALL = [-Infinity, Infinity] as const

type Bounds = readonly [number, number]

/** How long a slice of something so long may be. */
function cutOf(
  length: number,
  [startLow, startHigh]: Bounds,
  [endLow, endHigh]: Bounds,
  by: Bounds = [1, 1],
): Cut {
  const [step] = by
  const isKnown = by[0] === by[1] && step !== 0
  if (!isKnown || step < 0)
    return { length, isExact: isKnown && isAll(startLow, endHigh, step) && step === -1 }
  const place = (at: number) => Math.min(Math.max(at < 0 ? at + length : at, 0), length)
  const isOne = (low: number, high: number) => low < 0 === high < 0 && place(low) === place(high)
  const isExact = isOne(startLow, startHigh) && isOne(endLow, endHigh)
  if (isExact)
    return { length: Math.max(0, Math.ceil((place(endHigh) - place(startHigh)) / step)), isExact }
  // Bounds of one sign tell how far apart they are.
  const isPlain = startLow >= 0 && endLow >= 0
  const most = isPlain ? place(endHigh) - place(startLow) : length
  return { length: Math.max(0, Math.ceil(most / step)), isExact }
}

/** A whole axis from the back. */
const isAll = (start: number, end: number, step: number): boolean =>
  step < 0 && start >= 2 ** 31 - 2 ** 20 && end <= -(2 ** 31 - 2 ** 20)

const split: Telling = (node, [input = NOTHING, sizes]) => {
  const axis = axisOf(node.numbers['axis'] ?? 0, input.dims.length)
  const length = input.dims[axis] ?? 0
  const parts = node.outputs.length
  const given = sizes && exactly(sizes)
  const isExact = input.isExact && (sizes === undefined || given !== undefined)
  const even = Math.ceil(length / parts)
  let from = 0
  const elements = input.dims.length === 1 && isExact ? elementsOf(input) : undefined
  return node.outputs.map((_, at) => {
    const left = Math.max(0, length - even * at)
    const most = sizes === undefined ? Math.min(even, left) : (given?.[at] ?? length)
    const dims = input.dims.map((each, place) => (place === axis ? most : each))
    const range = elements ? rangeOf(elements.slice(from, from + most)) : hullOf([input.range])
    from += most
    return extent(input.dtype, dims, { isExact, range })
  })
}

/** Operations by ONNX's names. */
export const cutTellings: Readonly<Record<string, Telling>> = { Slice: slice, Split: split }
