import { malformed, NOTHING } from './reader.ts'

/** Nobody writes a message in more than one piece; readers must be ready for it all the same. */
const PIECES_MAX = 1_000

/** A message that may come in several pieces: protobuf merges them, which is what joining bytes does. */
export class Pieces {
  readonly #pieces: Uint8Array[] = []

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  add(piece: Uint8Array): void {
    if (this.#pieces.length === PIECES_MAX) throw malformed('a part of it is in too many pieces')
    this.#pieces.push(piece)
  }

  /** Forgets what was added. */
  clear(): void {
    this.#pieces.length = 0
  }

  join(): Uint8Array {
    const [only = NOTHING] = this.#pieces
    return this.#pieces.length > 1 ? new Uint8Array(Buffer.concat(this.#pieces)) : only
  }
}
