/** What is gathered as text before it is turned into bytes. */
const PIECE_CHARACTERS = 64 * 1024

/**
 * The text of an answer, one byte a character, which is turned into bytes piece by piece: one text of
 * all of it would take some thirty times as much memory while it grows.
 */
export class AnswerText {
  readonly #pieces: Buffer[] = []
  #text = ''

  add(text: string): void {
    this.#text += text
    if (this.#text.length >= PIECE_CHARACTERS) this.#turn()
  }

  #turn(): void {
    this.#pieces.push(Buffer.from(this.#text, 'latin1'))
    this.#text = ''
  }

  /** All that was added. */
  bytes(): Buffer {
    if (this.#pieces.length === 0) return Buffer.from(this.#text, 'latin1')
    this.#turn()
    return Buffer.concat(this.#pieces)
  }
}
