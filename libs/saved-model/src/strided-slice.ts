// StridedSlice's attributes as what is done to each dimension: the ellipsis stands for all that are
// not named, so that those after it are counted from the back.

import type { NodeDef } from './graph.ts'
import { intOf, untranslatable } from './node-attrs.ts'

/** More bits a mask does not have. */
const SPECS_MAX = 31

/** What is done to one dimension, and by which of the numbers that come along. */
export interface SliceSpec {
  /** Of begin, end and strides. */
  at: number
  /** Of the input; negative when it is counted from the back. */
  axis: number
  hasBegin: boolean
  hasEnd: boolean
  isShrunk: boolean
}

/** How many dimensions are named is told by the numbers that come along. */
export interface SliceSpecs {
  slices: readonly SliceSpec[]
  /** The new dimensions, of size 1, by where they are in the output; negative when counted from the back. */
  added: readonly number[]
}

/** Throws UNTRANSLATABLE when there are several ellipses or too many numbers. */
export function sliceSpecs(node: NodeDef, count: number): SliceSpecs {
  if (count > SPECS_MAX) throw untranslatable(node, `it slices ${count} dimensions`)
  const has = (name: string, at: number) => (intOf(node, name, 0) & (1 << at)) !== 0
  const all = Array.from({ length: count }, (_, at) => at)
  const ellipses = all.filter((at) => has('ellipsis_mask', at))
  if (ellipses.length > 1) throw untranslatable(node, 'it has several ellipses')
  const [ellipsis = count] = ellipses
  const isAdded = (at: number) => has('new_axis_mask', at)
  const isSlice = (at: number) => at !== ellipsis && !isAdded(at)
  const isShrunk = (at: number) => isSlice(at) && has('shrink_axis_mask', at)
  const isKept = (at: number) => at !== ellipsis && !isShrunk(at)
  // Before the ellipsis from the front, and after it from the back.
  const placeOf = (at: number, counts: (other: number) => boolean) =>
    at < ellipsis ? all.slice(0, at).filter(counts).length : -all.slice(at).filter(counts).length
  const slices = all.filter(isSlice).map((at) => ({
    at,
    axis: placeOf(at, isSlice),
    hasBegin: !has('begin_mask', at),
    hasEnd: !has('end_mask', at),
    isShrunk: isShrunk(at),
  }))
  return {
    slices,
    added: all.filter((at) => at !== ellipsis && isAdded(at)).map((at) => placeOf(at, isKept)),
  }
}

/** Whether dimensions are named in order from the front, and none is added. */
export const isPlainSlice = (node: NodeDef): boolean =>
  intOf(node, 'ellipsis_mask', 0) === 0 && intOf(node, 'new_axis_mask', 0) === 0
