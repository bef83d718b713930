// Operations that choose among elements or move them: each value once, whether one is among the largest, and turns.

import { sizeOf } from '@drover/serving-api'
import { typeOf } from '../node-attrs.ts'
import {
  asInteger,
  asIntegers,
  axisOf,
  integers,
  invalid,
  numbers,
  pick,
  stridesOf,
  type Value,
} from '../values.ts'
import { type Kernel, withThree } from './kernel.ts'

interface Once {
  /** Where each value is first. */
  first: number[]
  /** Which of these each element is. */
  which: number[]
  counts: number[]
}

/** Each value once, in the order of the first of them. */
function uniqueOf(input: Value): Once {
  // What is no number is equal to nothing, and to find it is TensorFlow's.
  if (isFloat(input) && input.values.some(Number.isNaN)) throw invalid('NaN is not equal to itself')
  const known = new Map<unknown, number>()
  const found: Once = { first: [], which: [], counts: [] }
  for (const [at, value] of input.values.entries()) {
    const which = known.get(value) ?? known.size
    if (which === known.size) {
      known.set(value, which)
      found.first.push(at)
      found.counts.push(0)
    }
    found.which.push(which)
    found.counts[which] = (found.counts[which] ?? 0) + 1
  }
  return found
}

const isFloat = ({ dtype }: Value): boolean => dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE'

const unique =
  ({ hasCounts, hasAxis }: { hasCounts: boolean; hasAxis: boolean }): Kernel =>
  (node) => {
    const type = typeOf(node, 'out_idx', 'DT_INT32')
    return ([input, axes]) => {
      if (input === undefined || input.shape.length !== 1) throw invalid('a vector was expected')
      if (hasAxis && axes !== undefined)
        for (const axis of asIntegers(axes)) axisOf(axis, input.shape.length)
      const { first, which, counts } = uniqueOf(input)
      const found = [
        pick(input, [first.length], first),
        integers(type, [which.length], which),
        integers(type, [counts.length], counts),
      ]
      return hasCounts ? found : found.slice(0, 2)
    }
  }

/** Whether fewer than k are larger than the one that is meant; of what is not finite nothing can be said. */
const inTopK: Kernel = () =>
  withThree((predictions, targets, count) => {
    const [rows = 0, classes = 0, ...more] = predictions.shape
    const meant = asIntegers(targets)
    const k = asInteger(count)
    if (predictions.shape.length < 2 || more.length > 0 || predictions.dtype !== 'DT_FLOAT')
      throw invalid('a matrix of floats was expected')
    if (targets.shape.length !== 1 || meant.length !== rows)
      throw invalid(`${meant.length} targets for ${rows} rows`)
    const found = meant.map((target, row) => {
      const scores = predictions.values.subarray(row * classes, (row + 1) * classes)
      const score = scores[target]
      if (score === undefined || !scores.every(Number.isFinite)) return 0
      return Number(scores.reduce((larger, each) => larger + Number(each > score), 0) < k)
    })
    return numbers('DT_BOOL', [rows], found)
  })

/** Elements move along axes, and what leaves at the end comes in again at the beginning. */
const roll: Kernel = () =>
  withThree((input, shift, axis) => {
    const [by, axes] = [asIntegers(shift), asIntegers(axis)]
    if (input.shape.length === 0 || by.length !== axes.length || shift.shape.length > 1)
      throw invalid(`${by.length} shifts along ${axes.length} axes`)
    const moved = input.shape.map(() => 0)
    for (const [index, each] of axes.entries()) {
      const at = axisOf(each, input.shape.length)
      const size = Math.max(1, input.shape[at] ?? 1)
      moved[at] = ((((moved[at] ?? 0) + (by[index] ?? 0)) % size) + size) % size
    }
    return pick(input, input.shape, turned(input.shape, moved))
  })

/** Where each element of what is turned comes from. */
function turned(shape: readonly number[], moved: readonly number[]): Int32Array {
  const strides = stridesOf(shape)
  const found = new Int32Array(sizeOf(shape))
  for (let at = 0; at < found.length; at++) {
    let from = 0
    for (const [axis, stride] of strides.entries()) {
      const size = shape[axis] ?? 1
      const index = Math.floor(at / stride) % size
      from += ((index - (moved[axis] ?? 0) + size) % size) * stride
    }
    found[at] = from
  }
  return found
}

/** Operations that choose and turn. */
export const choosingKernels: Readonly<Record<string, Kernel>> = {
  InTopKV2: inTopK,
  Roll: roll,
  Unique: unique({ hasCounts: false, hasAxis: false }),
  UniqueV2: unique({ hasCounts: false, hasAxis: true }),
  UniqueWithCounts: unique({ hasCounts: true, hasAxis: false }),
  UniqueWithCountsV2: unique({ hasCounts: true, hasAxis: true }),
}
