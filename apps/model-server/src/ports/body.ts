import type { IncomingMessage } from 'node:http'
import { ServingError } from '@drover/serving-api'
import type { Limits } from '../limits.ts'

/** A body that is larger than a request may be; answered with 413, which no status code of TensorFlow is. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge'
}

/** The client went away while it sent its request: nobody is there to be told. */
export class Gone extends Error {
  override readonly name = 'Gone'
}

/** Reads request bodies, with a bound on each and on all of them together. */
export class BodyReader {
  readonly #limits: Limits
  #heldBytes = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Hands the whole body to `use`; its bytes count as held until that is done. */
  async read<T>(request: IncomingMessage, use: (body: Buffer) => Promise<T>): Promise<T> {
    if (Number(request.headers['content-length'] ?? 0) > this.#limits.bodyBytesMax)
      throw this.#tooLarge()
    let sizeBytes = 0
    const hold = (bytes: number): void => {
      sizeBytes += bytes
      this.#heldBytes += bytes
      if (sizeBytes > this.#limits.bodyBytesMax) throw this.#tooLarge()
      if (this.#heldBytes > this.#limits.bodiesBytesMax)
        throw new ServingError('RESOURCE_EXHAUSTED', 'Too many request bodies are held already')
    }
    try {
      return await use(await gather(request, hold))
    } finally {
      this.#heldBytes -= sizeBytes
    }
  }

  #tooLarge(): TooLarge {
    return new TooLarge(`A request body may have ${this.#limits.bodyBytesMax} bytes`)
  }
}

async function gather(request: IncomingMessage, hold: (bytes: number) => void): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => {
      try {
        hold(chunk.length)
        chunks.push(chunk)
      } catch (error) {
        // What still comes is read and dropped, so that the answer reaches a client that is sending.
        request.removeAllListeners('data').resume()
        reject(error instanceof Error ? error : new Error('not held', { cause: error }))
      }
    })
    request.once('end', () => {
      const [first = Buffer.alloc(0)] = chunks
      resolve(chunks.length === 1 ? first : Buffer.concat(chunks))
    })
    request.once('close', () => {
      if (!request.complete) reject(new Gone('the client went away'))
    })
  })
}
