// A partitioned variable is put together from its slices.

import {
  bytesOf,
  bytesOfType,
  isDataType,
  type NumericType,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'
import { SavedModelError } from '../errors.ts'
import { damaged } from './byte-reader.ts'
import { type BundleEntry, type BundleSlice, type StoredValues, textOfSlice } from './entry.ts'
import type { Shards } from './shards.ts'
import { ALL, type Extent } from './slice-key.ts'
import { checkPlace, readValues, TENSOR_BYTES_MAX } from './tensor-data.ts'

/** A slice whose values are there. */
interface Part {
  what: string
  /** With no `ALL` among them. */
  extents: readonly Extent[]
  stored: StoredValues
}

/** Puts the variable together. Throws where slices are missing, overlap or leave something out. */
export function readSlices(entry: BundleEntry, shards: Shards): Tensor {
  const { key, dtype, shape } = entry
  if (!isDataType(dtype))
    throw new SavedModelError('UNTRANSLATABLE', `${key} is of ${dtype}, which is not carried`)
  const parts = entry.slices.map((slice) => partOf(entry, slice))
  checkCover(entry, parts)
  checkPlaces(entry, parts, shards)
  return dtype === 'DT_STRING'
    ? joinTexts(shape, parts, shards)
    : joinNumbers({ key, dtype, shape }, parts, shards)
}

function partOf({ key, dtype, shape }: BundleEntry, { extents, stored }: BundleSlice): Part {
  const what = `the slice ${textOfSlice(extents)} of ${key}`
  if (stored === undefined) throw damaged(`${what} is not in the index`)
  const full = wholeExtents(extents, shape)
  const isAsSaid =
    stored.dtype === dtype &&
    stored.shape.length === full.length &&
    full.every(({ length }, axis) => length === stored.shape[axis])
  if (!isAsSaid) throw damaged(`${what} is a ${stored.dtype} of shape [${stored.shape.join(', ')}]`)
  return { what, extents: full, stored }
}

/** Extents with no `ALL` among them. */
const wholeExtents = (extents: readonly Extent[], shape: readonly number[]): Extent[] =>
  extents.map(({ start, length }, axis) => ({
    start,
    length: length === ALL ? (shape[axis] ?? 0) : length,
  }))

/** Slices that do not overlap and have as many elements as the variable cover it. */
function checkCover({ key, shape }: BundleEntry, parts: readonly Part[]): void {
  const count = parts.reduce((sum, { stored }) => sum + sizeOf(stored.shape), 0)
  if (count !== sizeOf(shape))
    throw damaged(`the slices of ${key} have ${count} of its ${sizeOf(shape)} elements`)
  parts.forEach((part, index) => {
    const other = parts.slice(0, index).find(({ extents }) => isOverlap(extents, part.extents))
    if (other !== undefined) throw damaged(`${part.what} overlaps ${other.what}`)
  })
}

function isOverlap(some: readonly Extent[], others: readonly Extent[]): boolean {
  return some.every(({ start, length }, axis) => {
    const other = others[axis] ?? { start: 0, length: 0 }
    return start < other.start + other.length && other.start < start + length
  })
}

/** What is not there must take no memory; slices that share their bytes could make a small file a large tensor. */
function checkPlaces({ key }: BundleEntry, parts: readonly Part[], shards: Shards): void {
  const taken = new Map<number, number>()
  for (const { what, stored } of parts) {
    checkPlace(what, stored, shards)
    taken.set(stored.shardId, (taken.get(stored.shardId) ?? 0) + stored.size)
  }
  for (const [shard, bytes] of taken)
    if (bytes > (shards.size(shard) ?? 0))
      throw damaged(`the slices of ${key} have more bytes than the shard ${shard}`)
}

function joinTexts(shape: readonly number[], parts: readonly Part[], shards: Shards): Tensor {
  const values: Uint8Array[] = Array.from({ length: sizeOf(shape) })
  for (const { what, extents, stored } of parts) {
    const part = readValues(what, stored, { shards })
    if (part.dtype !== 'DT_STRING') continue
    for (const { to, from, length } of runsOf(shape, extents))
      for (let index = 0; index < length; index++)
        values[to + index] = part.values[from + index] ?? new Uint8Array()
  }
  return { dtype: 'DT_STRING', shape, values }
}

function joinNumbers(
  { key, dtype, shape }: { key: string; dtype: NumericType; shape: readonly number[] },
  parts: readonly Part[],
  shards: Shards,
): Tensor {
  const width = bytesOfType(dtype)
  const size = sizeOf(shape) * width
  if (size > TENSOR_BYTES_MAX) throw new SavedModelError('TOO_LARGE', `${key} has ${size} bytes`)
  const memory = new Uint8Array(size)
  for (const { what, extents, stored } of parts) {
    const part = readValues(what, stored, { shards })
    if (part.dtype === 'DT_STRING') continue
    const bytes = bytesOf(part)
    for (const { to, from, length } of runsOf(shape, extents))
      memory.set(bytes.subarray(from * width, (from + length) * width), to * width)
  }
  return tensorOfBuffer(dtype, shape, memory.buffer)
}

/** A part of a variable, which lies within it. */
export function cutSlice(variable: Tensor, extents: readonly Extent[]): Tensor {
  const full = wholeExtents(extents, variable.shape)
  const shape = full.map(({ length }) => length)
  const runs = runsOf(variable.shape, full)
  if (variable.dtype === 'DT_STRING') {
    const { dtype, values } = variable
    return {
      dtype,
      shape,
      values: [...runs].flatMap(({ to, length }) => values.slice(to, to + length)),
    }
  }
  const width = bytesOfType(variable.dtype)
  const memory = new Uint8Array(sizeOf(shape) * width)
  const bytes = bytesOf(variable)
  for (const { to, from, length } of runs)
    memory.set(bytes.subarray(to * width, (to + length) * width), from * width)
  return tensorOfBuffer(variable.dtype, shape, memory.buffer)
}

/** Elements that are next to each other both in a slice (`from`) and in the variable (`to`). */
interface Run {
  to: number
  from: number
  length: number
}

function* runsOf(shape: readonly number[], extents: readonly Extent[]): Generator<Run, void> {
  // The dimensions behind this one are taken whole.
  const inner = extents.findLastIndex(({ length }, axis) => length !== shape[axis])
  const outer = extents.slice(0, Math.max(inner, 0))
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))
  const length = sizeOf(extents.slice(outer.length).map((extent) => extent.length))
  const first = extents.reduce((sum, { start }, axis) => sum + start * (strides[axis] ?? 1), 0)
  const count = sizeOf(outer.map((extent) => extent.length))
  if (length === 0) return
  for (let index = 0; index < count; index++) {
    let [to, rest] = [first, index]
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      const size = outer[axis]?.length ?? 1
      to += (rest % size) * (strides[axis] ?? 1)
      rest = Math.floor(rest / size)
    }
    yield { to, from: index * length, length }
  }
}
