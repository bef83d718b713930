// How large tensors are whose size other tensors say.

import {
  elementOf,
  elementsOf,
  exactly,
  type Extent,
  extent,
  hullOf,
  product,
  rangeOfNumbers,
} from './extent.ts'
import { broadcast } from './ranges.ts'
import { axisOf, NOTHING, ofRank, type Telling } from './shapes.ts'

/** The most that each element of a small vector may be; of others nothing is known. */
const mostOf = (vector: Extent): number[] =>
  elementsOf(vector)?.map(([, high]) => Math.max(0, high)) ??
  Array.from({ length: Math.min(vector.count, 64) }, (_, at) =>
    Math.max(0, elementOf(vector, at)[1]),
  )

const range: Telling = (_, [start = NOTHING, limit = NOTHING, delta = NOTHING]) => {
  const [from = NaN, to = NaN, step = NaN] = [start, limit, delta].flatMap(
    (each) => exactly(each)?.[0] ?? NaN,
  )
  // It fails, and takes nothing.
  if (step === 0) return [extent(start.dtype, [0], { isExact: true })]
  if (Number.isNaN(from + to + step)) return [atMost(start, limit, delta)]
  const whole = start.dtype === 'DT_FLOAT' ? Math.fround(to - from) : to - from
  const count = Math.max(0, Math.ceil(whole / step))
  return [
    extent(start.dtype, [count], { isExact: true, range: counted(count, { from, to, step }) }),
  ]
}

function counted(
  count: number,
  { from, to, step }: { from: number; to: number; step: number },
): Extent['range'] {
  // Of other numbers, each is rounded once more.
  if (count === 0 || !Number.isInteger(from) || !Number.isInteger(step)) return undefined
  if (count > COUNTED_MAX) return withEnds(from, to)
  return rangeOfNumbers(Array.from({ length: count }, (_, at) => from + at * step))
}
/** So many numbers are told one by one. */
const COUNTED_MAX = 64

const withEnds = (one: number, other: number) => ({
  low: [Math.min(one, other)],
  high: [Math.max(one, other)],
})

/** Numbers between ends that are not known. */
function atMost(start: Extent, limit: Extent, delta: Extent): Extent {
  const [[from], [, to], [step]] = [elementOf(start, 0), elementOf(limit, 0), elementOf(delta, 0)]
  if (!(step > 0)) return extent(start.dtype, [Infinity])
  const count = Math.max(0, Math.ceil((to - from) / step))
  return extent(start.dtype, [Number.isNaN(count) ? Infinity : count], {
    range: { low: [from], high: [Math.max(from, to)] },
  })
}

const constantOfShape: Telling = (node, [vector = NOTHING]) => {
  const value = node.tensors['value']
  const filler = value?.values?.[0] ?? 0
  const isExact = exactly(vector) !== undefined
  const dims = Number.isFinite(vector.count) ? mostOf(vector) : [Infinity]
  const made = extent(value?.dtype ?? 'DT_FLOAT', dims, {
    isExact,
    range: rangeOfNumbers([filler]),
  })
  return [ofRank(vector, made)]
}

const expand: Telling = (_, [input = NOTHING, vector = NOTHING]) => {
  const isExact = input.isExact && exactly(vector) !== undefined
  const dims = Number.isFinite(vector.count) ? broadcast([input.dims, mostOf(vector)]) : [Infinity]
  const isSame = product(dims) === input.count
  const known = isSame ? input.range : hullOf([input.range])
  return [ofRank(vector, extent(input.dtype, dims, { isExact, range: known }))]
}

const tile: Telling = (_, [input = NOTHING, repeats = NOTHING]) => {
  const isExact = input.isExact && exactly(repeats) !== undefined
  const times = mostOf(repeats)
  const dims = input.dims.map((length, at) => product([length, times[at] ?? Infinity]))
  return [extent(input.dtype, dims, { isExact, range: hullOf([input.range]) })]
}

const pad: Telling = (_, [input = NOTHING, pads = NOTHING, filler, given]) => {
  const rank = input.dims.length
  const axes = given === undefined ? input.dims.map((__, at) => at) : exactly(given)
  const most = (at: number) => elementOf(pads, at)[1]
  const dims = input.dims.map((length, axis) => {
    const at = axes?.map((each) => axisOf(each, rank)).indexOf(axis) ?? 0
    const half = axes?.length ?? rank
    return at < 0 ? length : Math.max(0, length + most(at) + most(at + half))
  })
  const isExact = input.isExact && axes !== undefined && exactly(pads) !== undefined
  return [extent(input.dtype, dims, { isExact, range: hullOf([input.range, filler?.range]) })]
}

/** Operations by ONNX's names. */
export const makingTellings: Readonly<Record<string, Telling>> = {
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Pad: pad,
  Range: range,
  Tile: tile,
}
