// TensorBundle, the format of TensorFlow's checkpoints: an index, which is a sorted table of entries, and
// data files with the values, the shards. Nothing here touches files: the caller gives the bytes.

import { Buffer, isUtf8 } from 'node:buffer'
import type { Tensor } from '@drover/serving-api'
import { decodeBroken, encodeText } from '../bytes-as-text.ts'
import { damaged } from './byte-reader.ts'
import {
  type BundleEntry,
  type BundleHeader,
  readEntry,
  readHeader,
  type StoredValues,
} from './entry.ts'
import type { Shards } from './shards.ts'
import { sliceKey } from './slice-key.ts'
import { readSlices } from './slices.ts'
import { TableIndex } from './table-index.ts'
import { KEY_BYTES_PER_BYTE_MAX, readTable } from './table.ts'
import { KnownNumbers, readValues } from './tensor-data.ts'

/** What an index file says. */
export interface BundleIndex {
  header: BundleHeader
  /** By key, in the order of the file; the slices of a partitioned variable stand in its entry. */
  entries: ReadonlyMap<string, BundleEntry>
}

/** A checkpoint whose tensors are read when they are asked for. */
export interface Bundle extends BundleIndex {
  /** Reads one variable. Throws `SavedModelError` where it is missing, damaged or not carried. */
  tensor(key: string): Tensor
}

/**
 * Opens a checkpoint: the index is checked, and of what it says and of the data files only what is asked
 * for is read. Throws `SavedModelError` as `readBundleIndex` does.
 */
export function openBundle(index: Uint8Array, shards: Shards): Bundle {
  const table = new TableIndex(index)
  const header = table.get(HEADER_KEY)
  if (header === undefined) throw damaged('the checkpoint has no header')
  let entries: BundleIndex['entries'] | undefined
  const known = new KnownNumbers()
  return {
    header: readHeader(header),
    get entries() {
      return (entries ??= readBundleIndex(index).entries)
    },
    tensor(key) {
      const value = key === '' ? undefined : table.get(encodeText(key))
      if (value === undefined) throw damaged(`the checkpoint has no variable ${key}`)
      const entry = readEntry(key, value)
      const left = { bytes: KEY_BYTES_PER_BYTE_MAX * index.length }
      findSlices(entry, left, (part) => {
        const stored = table.get(part)
        return stored && readEntry(textOfKey(part), stored)
      })
      return readBundleTensor(entry, shards, known)
    },
  }
}

const HEADER_KEY = new Uint8Array()

/**
 * Reads an index file. Throws `SavedModelError` on what is none, a damaged one, one over a limit or one
 * of another version of the format.
 */
export function readBundleIndex(bytes: Uint8Array): BundleIndex {
  let header: BundleHeader | undefined
  const entries = new Map<string, BundleEntry>()
  for (const { key, value } of readTable(bytes)) {
    if (header === undefined) {
      if (key.length > 0) throw damaged('the checkpoint has no header')
      header = readHeader(value)
    } else {
      const name = textOfKey(key)
      entries.set(name, readEntry(name, value))
    }
  }
  if (header === undefined) throw damaged('the checkpoint has no header')
  moveSlices(entries, KEY_BYTES_PER_BYTE_MAX * bytes.length)
  return { header, entries }
}

/** The keys of slices are no UTF-8, and too many for the exception that `decodeText` takes for each. */
function textOfKey(key: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = key
  return isUtf8(key) ? Buffer.from(buffer, byteOffset, byteLength).toString() : decodeBroken(key)
}

/**
 * Moves the entries of slices into those of their variables. Each slice has an entry, so that the keys of
 * all cannot have more bytes than the table's: a long name with many slices could stand for far more.
 */
function moveSlices(entries: Map<string, BundleEntry>, bytesMax: number): void {
  const parts = new Set<string>()
  const left = { bytes: bytesMax }
  for (const entry of entries.values())
    findSlices(entry, left, (key) => {
      const part = textOfKey(key)
      const stored = entries.get(part)
      if (stored !== undefined) parts.add(part)
      return stored
    })
  for (const part of parts) entries.delete(part)
}

function findSlices(
  entry: BundleEntry,
  left: { bytes: number },
  find: (key: Uint8Array) => StoredValues | undefined,
): void {
  if (entry.slices.length === 0) return
  const name = encodeText(entry.key)
  entry.slices = entry.slices.map(({ extents }) => {
    const part = sliceKey(name, extents)
    left.bytes -= part.length
    if (left.bytes < 0) throw damaged(`the slices of ${entry.key} are not in the index`)
    return { extents, stored: find(part) }
  })
}

/** Reads and checks the values of one variable, or gives those that are known to be the same. */
export function readBundleTensor(entry: BundleEntry, shards: Shards, known?: KnownNumbers): Tensor {
  return entry.slices.length > 0
    ? readSlices(entry, shards)
    : readValues(entry.key, entry, { shards, ...(known && { known }) })
}
