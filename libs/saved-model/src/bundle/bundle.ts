// TensorBundle, the format of TensorFlow's checkpoints: an index, which is a sorted table of entries, and
// data files with the values, the shards. Nothing here touches files: the caller gives the bytes.

import { Buffer, isUtf8 } from 'node:buffer'
import type { Tensor } from '@drover/serving-api'
import { decodeBroken, encodeText } from '../bytes-as-text.ts'
import { damaged } from './byte-reader.ts'
import { type BundleEntry, type BundleHeader, readEntry, readHeader } from './entry.ts'
import type { Shards } from './shards.ts'
import { sliceKey } from './slice-key.ts'
import { readSlices } from './slices.ts'
import { KEY_BYTES_PER_BYTE_MAX, readTable } from './table.ts'
import { readValues } from './tensor-data.ts'

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

/** Opens a checkpoint; of the data files only what is asked for is read and checked. */
export function openBundle(index: Uint8Array, shards: Shards): Bundle {
  const { header, entries } = readBundleIndex(index)
  return {
    header,
    entries,
    tensor(key) {
      const entry = entries.get(key)
      if (entry === undefined) throw damaged(`the checkpoint has no variable ${key}`)
      return readBundleTensor(entry, shards)
    },
  }
}

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
  let bytesLeft = bytesMax
  for (const entry of entries.values()) {
    if (entry.slices.length === 0) continue
    const name = encodeText(entry.key)
    entry.slices = entry.slices.map(({ extents }) => {
      const bytes = sliceKey(name, extents)
      bytesLeft -= bytes.length
      if (bytesLeft < 0) throw damaged(`the slices of ${entry.key} are not in the index`)
      const part = textOfKey(bytes)
      const stored = entries.get(part)
      if (stored !== undefined) parts.add(part)
      return { extents, stored }
    })
  }
  for (const part of parts) entries.delete(part)
}

/** Reads and checks the values of one variable. */
export function readBundleTensor(entry: BundleEntry, shards: Shards): Tensor {
  return entry.slices.length > 0 ? readSlices(entry, shards) : readValues(entry.key, entry, shards)
}
