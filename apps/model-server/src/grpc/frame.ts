// gRPC's messages within the bytes of a stream: a flag, four bytes of length, the message.

import { ServingError } from '@drover/serving-api'
import { unreadable } from './status.ts'

/** What precedes each message. */
const PREFIX_BYTES = 5
/** What is first reserved for a message that comes in pieces; it doubles as they arrive. */
const RESERVED_BYTES_MIN = 16 * 1024

const NOTHING = Buffer.alloc(0)

/** A message as it came. */
export interface Frame {
  isCompressed: boolean
  /** Where it came in pieces it has a memory of its own, which can be handed over to another thread. */
  message: Buffer
}

/** What goes before a message. */
export function prefixOf({ length }: Uint8Array, isCompressed = false): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  prefix[0] = isCompressed ? 1 : 0
  prefix.writeUInt32BE(length, 1)
  return prefix
}

/** The message, if the piece is one message and nothing else. */
export function wholeFrame(piece: Buffer): Frame | undefined {
  const [flags = 0] = piece
  return flags <= 1 &&
    piece.length >= PREFIX_BYTES &&
    piece.readUInt32BE(1) === piece.length - PREFIX_BYTES
    ? { isCompressed: flags === 1, message: piece.subarray(PREFIX_BYTES) }
    : undefined
}

/**
 * Puts messages together from pieces as they arrive. Pieces are copied unless they are whole
 * messages: each may be a small part of a large memory.
 */
export class FrameReader {
  readonly #bytesMax: number
  readonly #receive: (frame: Frame) => void
  #prefixBytes = 0
  #flags = 0
  #length = 0
  #filledBytes = 0
  #message = NOTHING

  /** `bytesMax`: of one message. `receive` gets each. */
  constructor(bytesMax: number, receive: (frame: Frame) => void) {
    this.#bytesMax = bytesMax
    this.#receive = receive
  }

  /** Whether part of a message is there. */
  get isInside(): boolean {
    return this.#prefixBytes > 0
  }

  /** Takes the next piece. Throws RESOURCE_EXHAUSTED for a message that is too large, INTERNAL for none. */
  push(piece: Buffer): void {
    let at = 0
    while (at < piece.length)
      at = this.#prefixBytes < PREFIX_BYTES ? this.#readPrefix(piece, at) : this.#fill(piece, at)
  }

  #readPrefix(piece: Buffer, at: number): number {
    const byte = piece[at] ?? 0
    if (this.#prefixBytes++ === 0) this.#flags = byte
    else this.#length = this.#length * 256 + byte
    if (this.#prefixBytes === PREFIX_BYTES) {
      if (this.#flags > 1) throw unreadable(`The flags of a message are ${this.#flags}`)
      if (this.#length > this.#bytesMax)
        throw new ServingError(
          'RESOURCE_EXHAUSTED',
          `Received message larger than max (${this.#length} vs. ${this.#bytesMax})`,
        )
      if (this.#length === 0) this.#pass(this.#message)
    }
    return at + 1
  }

  #fill(piece: Buffer, at: number): number {
    const missing = this.#length - this.#filledBytes
    const end = Math.min(piece.length, at + missing)
    const isWhole = this.#filledBytes === 0 && end - at === missing
    if (isWhole) this.#pass(piece.subarray(at, end))
    else {
      this.#reserve(this.#filledBytes + end - at)
      piece.copy(this.#message, this.#filledBytes, at, end)
      this.#filledBytes += end - at
      if (this.#filledBytes === this.#length) this.#pass(this.#message)
    }
    return end
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#message.length) return
    const doubled = Math.max(RESERVED_BYTES_MIN, this.#message.length * 2, bytes)
    const message = Buffer.allocUnsafeSlow(Math.min(doubled, this.#length))
    this.#message.copy(message, 0, 0, this.#filledBytes)
    this.#message = message
  }

  #pass(message: Buffer): void {
    this.#prefixBytes = 0
    this.#length = 0
    this.#filledBytes = 0
    this.#message = NOTHING
    this.#receive({ isCompressed: this.#flags === 1, message })
  }
}
