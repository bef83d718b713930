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
/** Most keys have less. */
const KEY_BYTES = 256
const IN_BLOCK = 'a block of the table'
const NONE = new Uint8Array()

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
export function* readTable(file: Uint8Array, entriesMax?: number): Generator<TableEntry, void> {
  for (const { key, value } of walkTable(file, entriesMax))
    yield { key: Uint8Array.from(key), value }
}

/** The same, without a copy of each key: what is given is good until the next. */
export function* walkTable(
  file: Uint8Array,
  entriesMax = ENTRIES_MAX,
): Generator<EntryCursor, void> {
  const budget = { entries: entriesMax, keyBytes: KEY_BYTES_PER_BYTE_MAX * file.length }
  const blocks = new EntryCursor(budget)
  blocks.enter(entriesIn(readBlock(file, readFooter(file))))
  const cursor = new EntryCursor(budget, { isOrdered: true })
  let end = 0
  while (blocks.next()) {
    const handle = readHandle(new ByteReader(blocks.value, 'the place of a block'))
    // Blocks that may overlap could make a small file a large table.
    if (handle.offset < end) throw damaged('the blocks of the table are not one after the other')
    end = handle.offset + handle.size + TRAILER_BYTES
    cursor.enter(entriesIn(readBlock(file, handle)))
    while (cursor.next()) yield cursor
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
  if (file.length < FOOTER_BYTES) throw damaged('the index is shorter than its footer')
  const footer = file.subarray(file.length - FOOTER_BYTES)
  const places = footer.subarray(0, FOOTER_BYTES - MAGIC.length)
  if (compareBytes(footer.subarray(places.length), MAGIC) !== 0)
    throw damaged('the index does not end like a table')
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

/** Goes from entry to entry of one block after the other, in one piece of memory for all keys. */
export class EntryCursor {
  readonly #budget: { entries: number; keyBytes: number }
  readonly #isOrdered: boolean
  #reader = new ByteReader(NONE, IN_BLOCK)
  #memory = new Uint8Array(KEY_BYTES)
  #keyLength = 0
  /** How much of the key before an entry may share. */
  #shareable = 0
  #hasKey = false
  /** Where the entry begins among those of its block. */
  at = 0
  /** In place. */
  value: Uint8Array = NONE

  constructor(
    budget: { entries: number; keyBytes: number },
    { isOrdered = false }: { isOrdered?: boolean } = {},
  ) {
    this.#budget = budget
    this.#isOrdered = isOrdered
  }

  /** Good until the next. */
  get key(): Uint8Array {
    return this.#memory.subarray(0, this.#keyLength)
  }

  /** All entries of the block. */
  get block(): Uint8Array {
    return this.#reader.bytes
  }

  /** Goes before the first entry of a block. */
  enter(entries: Uint8Array): void {
    this.#reader = new ByteReader(entries, IN_BLOCK)
    this.#shareable = 0
  }

  /** Goes before an entry of a block that has this key. */
  enterAt(entries: Uint8Array, at: number, key: Uint8Array): void {
    this.enter(entries)
    this.#reader.at = at
    this.#keep(key, 0)
  }

  /** Goes to the next entry; false where the block has no more. */
  next(): boolean {
    const reader = this.#reader
    if (reader.left <= 0) return false
    this.at = reader.at
    const [shared, own, length] = [reader.varint(), reader.varint(), reader.varint()]
    if (shared > this.#shareable) throw damaged('a key shares more than there is of the one before')
    const rest = reader.take(own)
    this.#spend(shared + own)
    if (this.#isOrdered && this.#hasKey && compareBytes(this.key.subarray(shared), rest) >= 0)
      throw damaged('the keys of the table are not in order')
    this.#keep(rest, shared)
    this.value = reader.take(length)
    return true
  }

  #spend(keyBytes: number): void {
    const budget = this.#budget
    budget.entries--
    budget.keyBytes -= keyBytes
    if (budget.entries < 0) throw new SavedModelError('TOO_LARGE', 'the table has too many entries')
    if (budget.keyBytes < 0)
      throw new SavedModelError('TOO_LARGE', 'the keys of the table are far longer than its file')
  }

  /** Puts the rest of a key behind what it shares with the one before. */
  #keep(rest: Uint8Array, shared: number): void {
    const length = shared + rest.length
    if (length > this.#memory.length) {
      const more = new Uint8Array(2 * length)
      more.set(this.key)
      this.#memory = more
    }
    this.#memory.set(rest, shared)
    this.#keyLength = length
    this.#shareable = length
    this.#hasKey = true
  }
}

/** Behind its entries a block has where some of them begin, which is of use only to a search. */
function entriesIn(block: Uint8Array): Uint8Array {
  const counted = block.length - OFFSET_BYTES
  if (counted < 0) throw damaged('a block of the table has no end')
  const restarts = new ByteReader(block.subarray(counted), 'a block of the table').uint32()
  const end = counted - OFFSET_BYTES * restarts
  if (end < 0) throw damaged('a block of the table has more restarts than bytes')
  return block.subarray(0, end)
}
