import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** The end of what was written to streams, of bounded length. */
export class Tail {
  readonly #charactersMax: number
  #text = ''

  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax
  }

  follow(stream: Readable | null): void {
    const decoder = new StringDecoder('utf8')
    stream?.on('data', (chunk: Buffer) => {
      this.#text = (this.#text + decoder.write(chunk)).slice(-this.#charactersMax)
    })
    // A stream that breaks has nothing more to say; how its process ended is reported elsewhere.
    stream?.on('error', () => {})
  }

  get text(): string {
    return this.#text.trim()
  }
}
