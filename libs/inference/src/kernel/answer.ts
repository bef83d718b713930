// An answer that is written part by part into the memory that it stays in.

import type { Division } from '@drover/saved-model'
import {
  bytesOf,
  bytesOfType,
  type NumericTensor,
  sizeOf,
  type Tensor,
  tensorOfBytes,
} from '@drover/serving-api'
import { InferenceError } from '../errors.ts'
import type { Tensors } from '../servable.ts'

/** The answer to one request. */
const ANSWER_BYTES_MAX = 2 ** 27
/** The answers that a thread is writing, together. */
const ANSWERS_BYTES_MAX = 4 * ANSWER_BYTES_MAX

let heldBytes = 0

/** What an answer is to. */
export interface Asked {
  parts: number
  /** The shape of what is divided into elements; undefined for rows. */
  shape: readonly number[] | undefined
  outputs: readonly string[] | undefined
}

/**
 * Throws INVALID_INPUT for more bytes than an answer may have, UNAVAILABLE for more than answers may have
 * together. Whoever makes one closes it.
 */
export class Answer {
  readonly tensors: Tensors = {}
  readonly #asked: Asked
  readonly #widths: Division['widths']
  readonly #bytes: number
  #textBytes = 0

  constructor({ widths }: Division, asked: Asked) {
    const { parts, outputs } = asked
    this.#asked = asked
    this.#widths = widths
    const width = Object.entries(widths)
      .filter(([alias]) => outputs === undefined || outputs.includes(alias))
      .reduce((sum, [, bytes]) => sum + bytes, 0)
    this.#bytes = parts * width
    checkSize(this.#bytes, `of ${parts} times ${width} bytes`)
    if (heldBytes + this.#bytes > ANSWERS_BYTES_MAX)
      throw new InferenceError('UNAVAILABLE', `answers of ${heldBytes} bytes are being written`)
    heldBytes += this.#bytes
  }

  /** The next answers, of the parts from this one on. */
  add(answers: Tensors, from: number): void {
    for (const [alias, answer] of Object.entries(answers)) {
      if (this.#widths[alias] === undefined) this.tensors[alias] ??= answer
      else if (answer.dtype === 'DT_STRING') this.#addTexts(alias, answer)
      else this.#addNumbers(alias, answer, from)
    }
  }

  #addNumbers(alias: string, answer: NumericTensor, from: number): void {
    const { dtype, shape } = answer
    const [, ...inner] = shape
    const width = sizeOf(inner) * bytesOfType(dtype)
    const whole = (this.tensors[alias] ??= tensorOfBytes(
      dtype,
      this.#shapeOf(inner),
      new Uint8Array(this.#asked.parts * width),
    ))
    if (whole.dtype !== 'DT_STRING') bytesOf(whole).set(bytesOf(answer), from * width)
  }

  #addTexts(alias: string, answer: Extract<Tensor, { dtype: 'DT_STRING' }>): void {
    const [, ...inner] = answer.shape
    const whole = (this.tensors[alias] ??= {
      dtype: 'DT_STRING',
      shape: this.#shapeOf(inner),
      values: [],
    })
    if (whole.dtype !== 'DT_STRING') return
    for (const text of answer.values) {
      this.#textBytes += text.length
      whole.values.push(text)
    }
    checkSize(this.#bytes + this.#textBytes, 'with its texts')
  }

  #shapeOf(inner: readonly number[]): readonly number[] {
    return this.#asked.shape ?? [this.#asked.parts, ...inner]
  }

  close(): void {
    heldBytes -= this.#bytes
  }
}

function checkSize(bytes: number, of: string): void {
  if (bytes <= ANSWER_BYTES_MAX) return
  const message = `an answer of ${bytes} bytes (${of}) is more than ${ANSWER_BYTES_MAX}`
  throw new InferenceError('INVALID_INPUT', message)
}
