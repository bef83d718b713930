// What is written to a client, and the bytes of it.

import { STATUS_CODES } from 'node:http'
import { errorBody, httpStatusOf, ServingError } from '@drover/serving-api'
import type { HttpAnswer } from '../serving/core.ts'

/** No status code of TensorFlow is one of these, or HTTP has no word for it. */
const PAYLOAD_TOO_LARGE = 413
const CLIENT_CLOSED_REQUEST = 499
/** Longer bodies are written beside their head and not copied behind it. */
const JOINED_BYTES_MAX = 16 * 1024

export const JSON_TYPE = 'application/json'
const CORS = [
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Allow-Methods', 'POST, GET'],
  ['Access-Control-Allow-Headers', 'Content-Type'],
] as const
export const NOTHING = Buffer.alloc(0)

/** An answer with all that is said of it. */
export interface Reply extends HttpAnswer {
  /** Its Content-Type; JSON if undefined. */
  type?: string
  /** Whether it is none of the API's: only those may carry CORS headers. */
  isPage?: boolean
}

/** A body that is larger than a request may be. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge'
}

/** What an expected failure is to a client; undefined for any other. */
export function replyTo(error: unknown): Reply | undefined {
  if (error instanceof TooLarge)
    return { status: PAYLOAD_TOO_LARGE, body: errorBody(error.message) }
  if (!(error instanceof ServingError)) return undefined
  const { code, message, retryAfterS } = error
  return {
    status: httpStatusOf(code),
    body: errorBody(message),
    ...(retryAfterS !== undefined && { retryAfterS }),
  }
}

/** The page that upstream's HTTP library makes of a status. */
export function pageOf(status: number): Reply {
  const phrase = phraseOf(status)
  const text =
    `<HTML><HEAD>\n<TITLE>${status} ${phrase}</TITLE>\n</HEAD><BODY>\n` +
    `<H1>${phrase}</H1>\n</BODY></HTML>\n`
  return { status, body: Buffer.from(text), type: 'text/html', isPage: true }
}

const phraseOf = (status: number): string =>
  status === CLIENT_CLOSED_REQUEST ? 'Client Closed Request' : (STATUS_CODES[status] ?? 'Unknown')

/** Names and values of the headers of replies, in turn. */
export class Headers {
  readonly #cors: readonly string[]
  readonly #corsText: string
  /** The beginnings of the replies that were written before, by status; only those of the API in JSON. */
  readonly #heads = new Map<number, string>()
  #second = 0
  #date = ''

  constructor(corsEnabled: boolean) {
    this.#cors = corsEnabled ? CORS.flat() : []
    this.#corsText = corsEnabled ? CORS.map((header) => `${header.join(': ')}\r\n`).join('') : ''
  }

  /** For `writeHead` of node:http, which adds the date and the connection. */
  listOf({ type = JSON_TYPE, body, retryAfterS, isPage = false }: Reply): string[] {
    return [
      'Content-Type',
      type,
      ...(isPage ? [] : this.#cors),
      ...(retryAfterS === undefined ? [] : ['Retry-After', `${Math.ceil(retryAfterS)}`]),
      'Content-Length',
      `${body.length}`,
    ]
  }

  /** All of a reply up to its body. */
  headOf(reply: Reply, isLast: boolean): string {
    const { retryAfterS } = reply
    const retry = retryAfterS === undefined ? '' : `Retry-After: ${Math.ceil(retryAfterS)}\r\n`
    const connection = isLast ? 'Connection: close\r\n' : ''
    return `${this.#startOf(reply)}${retry}${connection}Date: ${this.#now()}\r\nContent-Length: ${reply.body.length}\r\n\r\n`
  }

  #startOf({ status, type, isPage = false }: Reply): string {
    const isUsual = type === undefined && !isPage
    const known = isUsual ? this.#heads.get(status) : undefined
    if (known !== undefined) return known
    const cors = isPage ? '' : this.#corsText
    const start = `HTTP/1.1 ${status} ${phraseOf(status)}\r\nContent-Type: ${type ?? JSON_TYPE}\r\n${cors}`
    if (isUsual) this.#heads.set(status, start)
    return start
  }

  #now(): string {
    const nowMs = Date.now()
    const second = Math.floor(nowMs / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#date = new Date(nowMs).toUTCString()
    }
    return this.#date
  }
}

/** Whether a body is short enough to be copied behind its head. */
export const isShort = (body: Uint8Array): boolean => body.length <= JOINED_BYTES_MAX

/** Bytes as a text of one character a byte. */
export const textOf = (bytes: Uint8Array): string =>
  (bytes instanceof Buffer ? bytes : Buffer.from(bytes)).toString('latin1')
