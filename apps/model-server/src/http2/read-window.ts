/** What the other side may still send: it is told of what was read when that comes to half of it. */
export class ReadWindow {
  readonly #bytesMax: number
  #roomBytes: number
  #untoldBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
    this.#roomBytes = bytesMax
  }

  /** So much is arriving; false if there is no room for it. */
  take(bytes: number): boolean {
    this.#roomBytes -= bytes
    return this.#roomBytes >= 0
  }

  /** So much was read; returns how much the other side is to be told of now. */
  free(bytes: number): number {
    this.#untoldBytes += bytes
    if (this.#untoldBytes * 2 < this.#bytesMax) return 0
    const told = this.#untoldBytes
    this.#untoldBytes = 0
    this.#roomBytes += told
    return told
  }
}
