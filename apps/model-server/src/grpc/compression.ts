import { promisify } from 'node:util'
import { deflate, gunzip, gzip, inflate } from 'node:zlib'
import { ServingError } from '@drover/serving-api'
import type { GrpcLimits } from './limits.ts'
import { unreadable } from './status.ts'

const READERS = { gzip: promisify(gunzip), deflate: promisify(inflate) }
const WRITERS = { gzip: promisify(gzip), deflate: promisify(deflate) }

/** The ways to compress a message that are understood. */
export type Encoding = keyof typeof READERS

export const isEncoding = (name: string): name is Encoding => Object.hasOwn(READERS, name)

/** Compresses and inflates, away from this thread's loop, so many messages at a time. */
export class Compression {
  readonly #limits: GrpcLimits
  readonly #waiting: (() => void)[] = []
  #busy = 0

  constructor(limits: GrpcLimits) {
    this.#limits = limits
  }

  /** Throws RESOURCE_EXHAUSTED for what grows too large, INTERNAL for what was not compressed so. */
  async inflate(message: Uint8Array, encoding: Encoding): Promise<Buffer> {
    const { inflatedBytesMax } = this.#limits
    return await this.#inTurn(async () => {
      try {
        return await READERS[encoding](message, { maxOutputLength: inflatedBytesMax })
      } catch (cause) {
        if (isTooLarge(cause))
          throw new ServingError(
            'RESOURCE_EXHAUSTED',
            `A compressed message may grow to ${inflatedBytesMax} bytes`,
          )
        throw unreadable(`A message is not compressed by ${encoding}`, cause)
      }
    })
  }

  async deflate(message: Uint8Array, encoding: Encoding): Promise<Buffer> {
    return await this.#inTurn(async () => await WRITERS[encoding](message))
  }

  /** Who waits here holds a request, and those are bounded by their bytes. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    while (this.#busy >= this.#limits.inflatingMax)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#busy++
    try {
      return await work()
    } finally {
      this.#busy--
      this.#waiting.shift()?.()
    }
  }
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
