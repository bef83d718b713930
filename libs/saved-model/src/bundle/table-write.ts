import { crc32c, maskedCrc32c } from '@drover/serving-api'
import { strict as assert } from 'node:assert'
import { ByteWriter } from './byte-writer.ts'
import { compareBytes, Compression, FOOTER_BYTES, MAGIC, type TableEntry } from './table.ts'

/** TensorFlow's own. */
const BLOCK_BYTES = 256 * 1024
/** Every sixteenth key is written in full, as TensorFlow does; readers search among those. */
const RESTART_INTERVAL = 16

/**
 * A sorted table of these entries. Keys that are not in ascending order are a mistake of the caller.
 * `blockBytes` is the size at which a block ends.
 */
export function writeTable(
  entries: Iterable<TableEntry>,
  blockBytes = BLOCK_BYTES,
): Uint8Array<ArrayBuffer> {
  const file = new ByteWriter()
  const index = new BlockWriter()
  let block = new BlockWriter()
  let last: Uint8Array | undefined
  const finishBlock = (): void => {
    if (last === undefined || block.length === 0) return
    index.add({ key: last, value: block.appendTo(file) })
    block = new BlockWriter()
  }
  for (const entry of entries) {
    assert(last === undefined || compareBytes(last, entry.key) < 0, 'the keys are not in order')
    block.add(entry)
    last = entry.key
    if (block.length >= blockBytes) finishBlock()
  }
  finishBlock()
  const footer = new ByteWriter()
  footer.bytes(new BlockWriter().appendTo(file)).bytes(index.appendTo(file))
  const padding = new Uint8Array(FOOTER_BYTES - MAGIC.length - footer.length)
  return file.bytes(footer.finish()).bytes(padding).bytes(MAGIC).finish()
}

class BlockWriter {
  readonly #bytes = new ByteWriter()
  readonly #restarts = [0]
  #count = 0
  #last: Uint8Array = new Uint8Array()

  get length(): number {
    return this.#bytes.length
  }

  add({ key, value }: TableEntry): void {
    const isRestart = this.#count > 0 && this.#count % RESTART_INTERVAL === 0
    if (isRestart) this.#restarts.push(this.#bytes.length)
    const shared = isRestart ? 0 : sharedLength(this.#last, key)
    this.#bytes
      .varint(shared)
      .varint(key.length - shared)
      .varint(value.length)
    this.#bytes.bytes(key.subarray(shared)).bytes(value)
    this.#last = key
    this.#count++
  }

  /** Ends the block and gives where it is in the file. */
  appendTo(file: ByteWriter): Uint8Array {
    for (const restart of this.#restarts) this.#bytes.uint32(restart)
    this.#bytes.uint32(this.#restarts.length)
    const offset = file.length
    file.bytes(this.#bytes.from(0)).bytes(Uint8Array.of(Compression.NONE))
    file.uint32(maskedCrc32c(crc32c(file.from(offset))))
    return new ByteWriter().varint(offset).varint(this.#bytes.length).finish()
  }
}

/** How many bytes at the beginning are the same. */
function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  let at = 0
  while (at < length && a[at] === b[at]) at++
  return at
}
