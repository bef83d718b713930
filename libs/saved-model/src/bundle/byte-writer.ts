/** Collects bytes in memory that doubles as it fills up. */
export class ByteWriter {
  #memory = new Uint8Array(1024)
  length = 0

  byte(value: number): this {
    this.#reserve(1)
    this.#memory[this.length++] = value
    return this
  }

  varint(value: number): this {
    let rest = value
    for (; rest > 127; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 128)
    return this.byte(rest)
  }

  uint32(value: number): this {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 255)
    return this
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#memory.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  /** What was written from a position on, in place until the next write. */
  from(start: number): Uint8Array {
    return this.#memory.subarray(start, this.length)
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#memory.slice(0, this.length)
  }

  #reserve(length: number): void {
    const needed = this.length + length
    if (needed <= this.#memory.length) return
    const memory = new Uint8Array(Math.max(needed, 2 * this.#memory.length))
    memory.set(this.from(0))
    this.#memory = memory
  }
}
