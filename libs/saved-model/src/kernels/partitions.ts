// Rows that are dealt out to several tensors, and put together again from them.

import { sizeOf } from '@drover/serving-api'
import type { NodeDef } from '../graph.ts'
import { intOf, typeOf, untranslatable } from '../node-attrs.ts'
import { asIntegers, copyInto, invalid, isSameShape, type Value, zeros } from '../values.ts'
import { all, type Cost, each, filled, integersAt, shapeAt, STEP_NS } from './cost-parts.ts'
import { type Kernel, withTwo } from './kernel.ts'

/** A row that is dealt out or put in its place. */
const ROW_NS = 100
/** TensorFlow puts these together on several threads; it has no such kernel for others. */
const PARALLEL: ReadonlySet<string> = new Set(['DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_INT64'])

/** The dimensions of one row, where there are rows in all dimensions of `places`. */
function innerOf(data: Value, places: Value): readonly number[] {
  const rank = places.shape.length
  if (places.dtype !== 'DT_INT32' || !isSameShape(data.shape.slice(0, rank), places.shape))
    throw invalid(`[${data.shape.join(',')}] does not begin with [${places.shape.join(',')}]`)
  return data.shape.slice(rank)
}

const dynamicPartition: Kernel = (node) => {
  const count = intOf(node, 'num_partitions')
  if (count < 1) throw untranslatable(node, `it has ${count} outputs`)
  return withTwo((data, places) => {
    const inner = innerOf(data, places)
    const rows: number[][] = Array.from({ length: count }, () => [])
    for (const [row, to] of asIntegers(places).entries()) {
      const part = rows[to]
      if (part === undefined) throw invalid(`there is no partition ${to} of ${count}`)
      part.push(row)
    }
    return rows.map((taken) => rowsOf(data, inner, taken))
  })
}

function rowsOf(data: Value, inner: readonly number[], rows: readonly number[]): Value {
  const value = zeros(data.dtype, [rows.length, ...inner])
  const width = sizeOf(inner)
  for (const [at, row] of rows.entries())
    copyInto({ value, at: at * width }, { value: data, at: row * width }, width)
  return value
}

/** Of rows that go to one place, the last stays. */
const stitch = (node: NodeDef): ReturnType<Kernel> => {
  const count = intOf(node, 'N')
  return (inputs) => {
    const [places, data] = [inputs.slice(0, count), inputs.slice(count)]
    const [first] = data
    if (first === undefined || data.length !== count) throw invalid('inputs are missing')
    const inners = places.map((place, at) => innerOf(data[at] ?? first, place))
    const inner = inners[0] ?? []
    const isAlike = data.every(({ dtype }) => dtype === first.dtype)
    if (!isAlike || !inners.every((other) => isSameShape(other, inner)))
      throw invalid(`rows of ${first.dtype} [${inner.join(',')}] were expected`)
    const to = places.map(asIntegers)
    const height = to.flat().reduce((most, place) => Math.max(most, place + 1), 0)
    const value = zeros(first.dtype, [height, ...inner])
    const width = sizeOf(inner)
    for (const [part, from] of data.entries())
      for (const [row, place] of to[part]?.entries() ?? []) {
        if (place < 0) throw invalid(`there is no place ${place}`)
        copyInto({ value, at: place * width }, { value: from, at: row * width }, width)
      }
    return [value]
  }
}

const parallelStitch: Kernel = (node) => {
  const type = typeOf(node, 'T')
  if (!PARALLEL.has(type)) throw untranslatable(node, `it works on ${type}`)
  return stitch(node)
}

/** Operations that deal rows out. */
export const partitionKernels: Readonly<Record<string, Kernel>> = {
  DynamicPartition: dynamicPartition,
  DynamicStitch: stitch,
  ParallelDynamicStitch: parallelStitch,
}

const stitched =
  (node: NodeDef): Cost =>
  (inputs) => {
    const count = intOf(node, 'N')
    const places = inputs.slice(0, count).flatMap((_, at) => integersAt(inputs, at))
    const height = places.reduce((most, place) => Math.max(most, place + 1), 1)
    const inner = shapeAt(inputs, count).slice(shapeAt(inputs, 0).length)
    return height * filled(inner) * 2 + places.length * ROW_NS + all(inputs)
  }

/** By TensorFlow's names. */
export const partitionCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  DynamicPartition: (node) => (inputs) =>
    all(inputs) + filled(shapeAt(inputs, 1)) * ROW_NS + intOf(node, 'num_partitions') * STEP_NS,
  ...each(stitched, ['DynamicStitch', 'ParallelDynamicStitch']),
}
