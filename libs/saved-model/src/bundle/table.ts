// A sorted table of TensorFlow's, which is LevelDB's: blocks of entries, a block that says where they
// are, and a footer that says where that one is. Each block is followed by the way it is compressed
// and a checksum of both.

import { crc32c, maskedCrc32c } from '@drover/serving-api'
import { SavedModelError } from '../errors.ts'
import { ByteReader, damaged } from './byte-reader.ts'

/** The last eight bytes of every table. */
export const MAGIC = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb)
/** Two places of blocks, at their longest, and the magic. */
export const FOOTER_BYTES = 48
export const CHECKSUM_BYTES = 4
/** How a block is compressed, and its checksum. */
export const TRAILER_BYTES = 1 + CHECKSUM_BYTES
/** The compressions that LevelDB knows; TensorFlow writes only the first. */
export const Compression = { NONE: 0, SNAPPY: 1 } as const

/** A checkpoint has one for each variable and each slice of one; so many take a second to read. */
const ENTRIES_MAX = 250_000
/**
 * Keys leave out what they share with the one before, so a few bytes could stand for many. TensorFlow
 * writes every sixteenth in full.
 */
export const KEY_BYTES_PER_BYTE_MAX = 16
const OFFSET_BYTES = 4

export interface TableEntry {
  key: Uint8Array
  /** In place. */
  value: Uint8Array
}

/** Where a block is in the file; its trailer comes behind. */
interface Handle {
  offset: number
  size: number
}

/**
 * The entries of a table in the order of their keys, each with the checksum of its block checked.
 * Throws `SavedModelError` on what is no table, a damaged one or one over a limit.
 */
export function* readTable(
  file: Uint8Array,
  entriesMax = ENTRIES_MAX,
): Generator<TableEntry, void> {
  const budget = { entries: entriesMax, keyBytes: KEY_BYTES_PER_BYTE_MAX * file.length }
  const blocks = blockEntries(readBlock(file, readFooter(file)), budget)
  let [end, last]: [number, Uint8Array | undefined] = [0, undefined]
  for (const { value } of blocks) {
    const handle = readHandle(new ByteReader(value, 'the place of a block'))
    // Blocks that may overlap could make a small file a large table.
    if (handle.offset < end) throw damaged('the blocks of the table are not one after the other')
    end = handle.offset + handle.size + TRAILER_BYTES
    for (const entry of blockEntries(readBlock(file, handle), budget)) {
      if (last !== undefined && compareBytes(last, entry.key) >= 0)
        throw damaged('the keys of the table are not in order')
      last = entry.key
      yield entry
    }
  }
}

/** Less than zero when `a` comes before `b`, byte by byte. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** The place of the block that says where the others are. */
function readFooter(file: Uint8Array): Handle {
  if (file.length < FOOTER_BYTES) throw damaged('the table is shorter than its footer')
  const footer = file.subarray(file.length - FOOTER_BYTES)
  const places = footer.subarray(0, FOOTER_BYTES - MAGIC.length)
  if (compareBytes(footer.subarray(places.length), MAGIC) !== 0)
    throw damaged('the file does not end like a table')
  const reader = new ByteReader(places, 'the footer of the table')
  // The first is a block of no use to TensorFlow.
  readHandle(reader)
  return readHandle(reader)
}

const readHandle = (reader: ByteReader): Handle => ({
  offset: reader.varint(),
  size: reader.varint(),
})

function readBlock(file: Uint8Array, { offset, size }: Handle): Uint8Array {
  const end = offset + size + TRAILER_BYTES
  if (!(end <= file.length - FOOTER_BYTES))
    throw damaged(`a block of ${size} bytes at ${offset} is outside the table`)
  const checked = file.subarray(offset, end - CHECKSUM_BYTES)
  const stored = new ByteReader(file.subarray(checked.length + offset, end), 'a checksum').uint32()
  if (maskedCrc32c(crc32c(checked)) !== stored)
    throw damaged(`the block at ${offset} does not have the checksum that is stored with it`)
  const compression = checked[size]
  if (compression === Compression.SNAPPY)
    throw damaged(`the block at ${offset} is compressed by Snappy, which TensorFlow does not write`)
  if (compression !== Compression.NONE)
    throw damaged(`the block at ${offset} is compressed in an unknown way`)
  return checked.subarray(0, size)
}

function* blockEntries(
  block: Uint8Array,
  budget: { entries: number; keyBytes: number },
): Generator<TableEntry, void> {
  const reader = new ByteReader(withoutRestarts(block), 'a block of the table')
  let key: Uint8Array = new Uint8Array()
  while (reader.left > 0) {
    const [shared, own, length] = [reader.varint(), reader.varint(), reader.varint()]
    if (shared > key.length) throw damaged('a key shares more than there is of the one before')
    const rest = reader.take(own)
    budget.entries--
    budget.keyBytes -= shared + own
    if (budget.entries < 0) throw new SavedModelError('TOO_LARGE', 'the table has too many entries')
    if (budget.keyBytes < 0)
      throw new SavedModelError('TOO_LARGE', 'the keys of the table are far longer than its file')
    const next = new Uint8Array(shared + own)
    next.set(key.subarray(0, shared))
    next.set(rest, shared)
    key = next
    yield { key, value: reader.take(length) }
  }
}

/** Behind its entries a block has where some of them begin, which is of use only to a search. */
function withoutRestarts(block: Uint8Array): Uint8Array {
  const counted = block.length - OFFSET_BYTES
  if (counted < 0) throw damaged('a block of the table has no end')
  const restarts = new ByteReader(block.subarray(counted), 'a block of the table').uint32()
  const end = counted - OFFSET_BYTES * restarts
  if (end < 0) throw damaged('a block of the table has more restarts than bytes')
  return block.subarray(0, end)
}
