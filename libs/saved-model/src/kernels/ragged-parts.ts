// Parts of rows of different lengths, and ranges as such rows.

import { sizeOf } from '@drover/serving-api'
import { intOf, typeOf, untranslatable } from '../node-attrs.ts'
import { asIntegers, copyInto, countOf, integers, invalid, type Value, zeros } from '../values.ts'
import { type Kernel, withThree } from './kernel.ts'
import { splitsOf } from './splits.ts'

/** What one row has of bounds; one that is alone is that of all rows. */
export const boundAt = (values: readonly number[] | undefined, row: number): number =>
  (values?.length === 1 ? values[0] : values?.[row]) ?? 0

/** One range a row; what is one number counts for all rows. */
const raggedRange: Kernel = (node) => {
  const type = typeOf(node, 'T', 'DT_INT32')
  const splitsType = typeOf(node, 'Tsplits', 'DT_INT64')
  if (type !== 'DT_INT32' && type !== 'DT_INT64') throw untranslatable(node, `it counts in ${type}`)
  return withThree((...bounds) => {
    const lengths = bounds.flatMap(({ shape }) => shape)
    const rows = lengths[0] ?? 1
    if (lengths.some((each) => each !== rows) || bounds.some(({ shape }) => shape.length > 1))
      throw invalid('starts, limits, and deltas must have the same shape')
    const [starts, limits, steps] = bounds.map(asIntegers)
    const ends = [0]
    for (let row = 0; row < rows; row++) {
      const [from, to, step] = [boundAt(starts, row), boundAt(limits, row), boundAt(steps, row)]
      if (step === 0) throw invalid('Requires delta != 0')
      ends.push((ends[row] ?? 0) + Math.max(0, Math.ceil((to - from) / step)))
    }
    const values = new Float64Array(countOf([ends[rows] ?? 0]))
    for (let row = 0; row < rows; row++) {
      const [from, step, first] = [boundAt(starts, row), boundAt(steps, row), ends[row] ?? 0]
      for (let index = first; index < (ends[row + 1] ?? 0); index++)
        values[index] = from + (index - first) * step
    }
    return [integers(splitsType, [ends.length], ends), integers(type, [values.length], values)]
  })
}

/** Values next to each other. */
type Stretch = readonly [from: number, to: number]

/** Whole rows by their numbers, with all levels of rows in them. */
const raggedGather: Kernel = (node) => {
  const rank = intOf(node, 'PARAMS_RAGGED_RANK')
  const type = typeOf(node, 'Tsplits', 'DT_INT64')
  if (intOf(node, 'OUTPUT_RAGGED_RANK') !== rank)
    throw untranslatable(node, 'its indices are no vector')
  return (inputs) => {
    const [values, indices] = inputs.slice(rank)
    if (values === undefined || indices === undefined || inputs.length !== rank + 2)
      throw invalid('inputs are missing')
    if (indices.shape.length !== 1) throw invalid('a vector of indices was expected')
    const levels = levelsOf(inputs.slice(0, rank), values)
    const rows = (levels[0]?.length ?? 1) - 1
    let stretches = asIntegers(indices).map((index, at): Stretch => {
      if (!(index >= 0 && index < rows))
        throw invalid(`indices[${at}] = ${index} is not in [0, ${rows})`)
      return [index, index + 1]
    })
    const found: Value[] = []
    for (const ends of levels) {
      const lengths = lengthsOf(ends, stretches)
      found.push(integers(type, [lengths.length], lengths))
      stretches = stretches.map(([from, to]): Stretch => [ends[from] ?? 0, ends[to] ?? 0])
    }
    return [...found, taken(values, stretches)]
  }
}

/** Where the rows of each level end; those of one level are the values of the one before. */
function levelsOf(splits: readonly Value[], values: Value): number[][] {
  let below = values.shape[0] ?? 0
  const levels: number[][] = []
  for (const each of splits.toReversed()) {
    const ends = splitsOf(each, below)
    levels.unshift(ends)
    below = ends.length - 1
  }
  return levels
}

/** The splits of rows that are chosen. */
function lengthsOf(ends: readonly number[], stretches: readonly Stretch[]): number[] {
  const found = [0]
  for (const [from, to] of stretches) {
    countOf([found.length + to - from])
    for (let row = from; row < to; row++)
      found.push((found.at(-1) ?? 0) + (ends[row + 1] ?? 0) - (ends[row] ?? 0))
  }
  return found
}

function taken(values: Value, stretches: readonly Stretch[]): Value {
  const inner = values.shape.slice(1)
  const width = sizeOf(inner)
  const count = stretches.reduce((sum, [from, to]) => sum + to - from, 0)
  const found = zeros(values.dtype, [count, ...inner])
  let at = 0
  for (const [from, to] of stretches) {
    const length = (to - from) * width
    copyInto({ value: found, at }, { value: values, at: from * width }, length)
    at += length
  }
  return found
}

/** The places of all values: their row on each level, and where they are in it. */
const raggedToSparse: Kernel = (node) => {
  const rank = intOf(node, 'RAGGED_RANK')
  return (inputs) => {
    const values = inputs[rank]
    if (values === undefined || inputs.length !== rank + 1) throw invalid('inputs are missing')
    const levels = levelsOf(inputs.slice(0, rank), values)
    const [count = 0, ...inner] = values.shape
    const width = sizeOf(inner)
    const columns: Float64Array[] = []
    let rows = Float64Array.from({ length: count }, (_, index) => index)
    for (const ends of levels.toReversed()) {
      const of = rowOfEach(ends)
      columns.unshift(rows.map((at) => at - (ends[of[at] ?? 0] ?? 0)))
      rows = rows.map((at) => of[at] ?? 0)
    }
    columns.unshift(rows)
    const places = new Float64Array(countOf([count * width, columns.length + inner.length]))
    let to = 0
    for (let at = 0; at < count * width; at++) {
      const row = Math.floor(at / width)
      for (const column of columns) places[to++] = column[row] ?? 0
      let left = width
      for (const size of inner) places[to++] = Math.floor((at % left) / (left /= size))
    }
    const widths = levels.map((ends) =>
      ends.reduce((most, end, row) => Math.max(most, end - (ends[row - 1] ?? end)), 0),
    )
    const shape = [(levels[0]?.length ?? 1) - 1, ...widths, ...inner]
    return [
      integers('DT_INT64', [count * width, shape.length], places),
      { ...values, shape: [count * width] },
      integers('DT_INT64', [shape.length], shape),
    ]
  }
}

/** The row that each of the values is in. */
function rowOfEach(ends: readonly number[]): Int32Array {
  const found = new Int32Array(ends.at(-1) ?? 0)
  for (let row = 0; row + 1 < ends.length; row++) found.fill(row, ends[row], ends[row + 1])
  return found
}

/** Operations on parts of ragged tensors. */
export const raggedPartKernels: Readonly<Record<string, Kernel>> = {
  RaggedGather: raggedGather,
  RaggedRange: raggedRange,
  RaggedTensorToSparse: raggedToSparse,
}
