import { malformed, type WireReader, WireType } from './reader.ts'
import type { Layout } from './tensor-fields.ts'

const ENTRY_TYPES = { fixed4: WireType.FIXED32, fixed8: WireType.FIXED64 }

/** Reads the values of a repeated field into memory, packed or one by one; those beyond it are ignored. */
export class ListReader {
  /** How many entries were read. */
  count = 0
  readonly #memory: Uint8Array
  readonly #layout: Layout
  /** What a whole entry is stored in; numbers of 64 bits in two parts. */
  readonly #entries: Uint8Array | Uint16Array | Uint32Array
  readonly #single: number

  constructor(memory: Uint8Array, layout: Layout) {
    this.#memory = memory
    this.#layout = layout
    const { kind, width } = layout
    this.#entries = width === 1 || kind === 'fixed' ? memory : viewOf(memory, width)
    this.#single =
      kind === 'fixed' ? (width === 4 ? ENTRY_TYPES.fixed4 : ENTRY_TYPES.fixed8) : WireType.VARINT
  }

  /** Reads one occurrence of the field. */
  read(reader: WireReader, type: number): void {
    if (type === WireType.BYTES) this.#readPacked(reader)
    else if (type !== this.#single) reader.skip()
    else if (this.#layout.kind === 'fixed') this.#readFixed(reader, reader.at + this.#layout.width)
    else this.#readVarint(reader)
  }

  #readPacked(reader: WireReader): void {
    const { end } = reader
    const listEnd = reader.readEnd()
    if (this.#layout.kind === 'fixed') return this.#readFixed(reader, listEnd)
    reader.end = listEnd
    while (reader.at < listEnd) this.#readVarint(reader)
    reader.end = end
  }

  /** Entries as they lie in memory. */
  #readFixed(reader: WireReader, end: number): void {
    const { width } = this.#layout
    const size = end - reader.at
    if (size % width !== 0) throw malformed('a list ends within a value')
    const { at } = reader
    reader.skipBytes(size)
    const start = this.count * width
    if (start < this.#memory.length)
      this.#memory.set(
        reader.bytes.subarray(at, Math.min(end, at + this.#memory.length - start)),
        start,
      )
    this.count += size / width
  }

  #readVarint(reader: WireReader): void {
    const low = reader.readVarint()
    const index = this.count++
    // What is stored behind the end of an array is dropped.
    if (this.#layout.kind === 'int') this.#entries[index] = low
    else if (this.#layout.kind === 'bool')
      this.#entries[index] = low === 0 && reader.high === 0 ? 0 : 1
    else {
      this.#entries[2 * index] = low
      this.#entries[2 * index + 1] = reader.high
    }
  }
}

function viewOf(memory: Uint8Array, width: 2 | 4 | 8): Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = memory
  return width === 2
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Uint32Array(buffer, byteOffset, byteLength / 4)
}
