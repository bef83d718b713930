// Features crossed: each value of a row of one column with each of the same row of the others, hashed together.

import { bytesOf } from '../bytes-as-text.ts'
import { fingerprint64 } from '../fingerprint.ts'
import type { NodeDef } from '../graph.ts'
import { boolOf, intOf, longOf, typeOf, untranslatable } from '../node-attrs.ts'
import { asIntegers, countOf, invalid, ints, type Value } from '../values.ts'
import { all, type Cost, filled, shapeAt } from './cost-parts.ts'
import type { Kernel } from './kernel.ts'

const FACTOR = 0xc6a4a7935bd1e995n
const LONG_MAX = 2n ** 63n - 1n

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
const mix = (value: bigint): bigint => value ^ (value >> 47n)

/** TensorFlow's FingerprintCat64. */
function joined(first: bigint, second: bigint): bigint {
  const both = first ^ FACTOR ^ wrap(mix(wrap(second * FACTOR)) * FACTOR)
  return mix(wrap(mix(wrap(both * FACTOR)) * FACTOR))
}

/** The hashes of the values of each row. */
type Column = readonly (readonly bigint[])[]

/** Texts by their fingerprints; integers stand for themselves. */
function hashesOf(value: Value): bigint[] {
  if (value.dtype === 'DT_STRING') return value.values.map((text) => fingerprint64(bytesOf(text)))
  if (value.dtype !== 'DT_INT64') throw invalid(`${value.dtype} is not crossed`)
  return Array.from(value.values, wrap)
}

function denseColumn(value: Value): Column {
  const [rows = 0, width = 0] = value.shape
  if (value.shape.length !== 2) throw invalid('Dense inputs should be a matrix')
  const hashes = hashesOf(value)
  return Array.from({ length: rows }, (_, row) => hashes.slice(row * width, (row + 1) * width))
}

/** Values come in the order of their rows; from one that does not on, TensorFlow takes no more of them. */
function sparseColumn(indices: Value, values: Value, shape: Value): Column {
  const [count = 0, width] = indices.shape
  const sizes = asIntegers(shape)
  if (indices.shape.length !== 2 || width !== 2 || values.shape.length !== 1)
    throw invalid('a matrix of places and a vector of values were expected')
  if (values.shape[0] !== count || shape.shape.length !== 1 || sizes.length !== 2)
    throw invalid('shape should imply a 2D tensor of as many values as there are places')
  const [places, hashes] = [asIntegers(indices), hashesOf(values)]
  let at = 0
  return Array.from({ length: countOf([sizes[0] ?? 0]) }, (_, row) => {
    const from = at
    while (at < count && places[2 * at] === row) at++
    return hashes.slice(from, at)
  })
}

const sparseCross: Kernel = (node) => {
  const columns = intOf(node, 'N')
  const [buckets, key] = [longOf(node, 'num_buckets'), wrap(longOf(node, 'hash_key'))]
  const isHashed = boolOf(node, 'hashed_output') && typeOf(node, 'internal_type') === 'DT_INT64'
  if (!isHashed || typeOf(node, 'out_type') !== 'DT_INT64')
    throw untranslatable(node, 'its output is not hashed')
  if (buckets < 0n) throw untranslatable(node, 'it has fewer than no buckets')
  const divisor = buckets > 0n ? buckets : LONG_MAX
  return (inputs) => {
    const sparse = Array.from({ length: columns }, (_, column) => {
      const [indices, values, shape] = [0, 1, 2].map((part) => inputs[part * columns + column])
      if (!indices || !values || !shape) throw invalid('inputs are missing')
      return sparseColumn(indices, values, shape)
    })
    return crossed([...sparse, ...inputs.slice(3 * columns).map(denseColumn)], { key, divisor })
  }
}

function crossed(
  columns: readonly Column[],
  { key, divisor }: { key: bigint; divisor: bigint },
): Value[] {
  const rows = columns[0]?.length ?? 0
  if (columns.some(({ length }) => length !== rows)) throw invalid('the batch sizes are not equal')
  const counts = Array.from({ length: rows }, (_, row) =>
    columns.reduce((product, column) => product * (column[row]?.length ?? 0), 1),
  )
  countOf([counts.reduce((sum, count) => sum + count, 0)])
  const [places, values]: [bigint[], bigint[]] = [[], []]
  for (const row of counts.keys()) {
    let hashes = [key]
    for (const column of columns)
      hashes = hashes.flatMap((hash) => (column[row] ?? []).map((other) => joined(hash, other)))
    for (const [at, hash] of hashes.entries()) {
      places.push(BigInt(row), BigInt(at))
      values.push(hash % divisor)
    }
  }
  const widest = counts.reduce((most, count) => Math.max(most, count), 0)
  return [
    ints([values.length, 2], places),
    ints([values.length], values),
    ints([2], [BigInt(rows), BigInt(widest)]),
  ]
}

/** The operation. */
export const crossKernels: Readonly<Record<string, Kernel>> = { SparseCross: sparseCross }

const CROSS_NS = 2_000

/** Each value of a column may meet all of the others; those of dense ones only meet their own row's. */
const crossing = (node: NodeDef): Cost => {
  const columns = Math.max(0, intOf(node, 'N'))
  return (inputs) => {
    const dense = inputs.slice(3 * columns).map((_, at) => shapeAt(inputs, 3 * columns + at))
    const rows = Math.max(1, ...dense.map(([count = 1]) => count))
    const widths = dense.map((shape) => filled(shape.slice(1)))
    const values = Array.from({ length: columns }, (_, at) => filled(shapeAt(inputs, columns + at)))
    const crosses = [rows, ...widths, ...values].reduce((product, size) => product * size, 1)
    return all(inputs) + crosses * (1 + dense.length + columns) * CROSS_NS
  }
}

/** What it costs. */
export const crossCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  SparseCross: crossing,
}
