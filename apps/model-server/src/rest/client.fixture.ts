// A client that speaks to a port byte by byte.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { vi } from 'vitest'

export const WAIT = { timeout: 30_000, interval: 5 }

/** A client that sends bytes and gathers what comes back. */
export class Client {
  readonly socket: Socket
  received = ''
  hasEnded = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1')
    })
    socket.on('end', () => {
      this.hasEnded = true
    })
    socket.on('close', () => {
      this.hasEnded = true
    })
    socket.on('error', () => undefined)
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  /** The answers that are there, whole. */
  get answers(): Answer[] {
    return answersIn(this.received)
  }
}

/** Resolves when the server has ended its side. */
export const ended = async (client: Client): Promise<void> =>
  void (await vi.waitUntil(() => client.hasEnded, WAIT))

/** What a server answered; names of headers in small letters. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

/** Splits what a server sent; every answer must say its length. */
function answersIn(received: string): Answer[] {
  const answers: Answer[] = []
  let left = received
  for (;;) {
    const end = left.indexOf('\r\n\r\n')
    if (end < 0) return answers
    const [first = '', ...lines] = left.slice(0, end).split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const bodyEnd = end + 4 + Number(headers['content-length'] ?? 0)
    if (left.length < bodyEnd) return answers
    answers.push({
      status: Number(first.split(' ')[1]),
      headers,
      body: left.slice(end + 4, bodyEnd),
    })
    left = left.slice(bodyEnd)
  }
}

/** Connects to a port. */
export async function openClient(url: string): Promise<Client> {
  const { hostname, port } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  const client = new Client(socket)
  await once(socket, 'connect')
  return client
}

/** A request. */
export interface Ask {
  method?: string
  path: string
  body?: string | Buffer
  headers?: Record<string, string>
}

/** A plain request. */
export function plainRequest({ method = 'POST', path, body = '', headers = {} }: Ask): Buffer {
  const fields = { Host: 'localhost', ...headers, 'Content-Length': `${bytesOf(body).length}` }
  return Buffer.concat([headOf(method, path, fields), bytesOf(body)])
}

/** The same for node:http: its body comes in chunks, or its Connection header lists more than needed. */
export function otherRequest({ method = 'POST', path, body = '', headers = {} }: Ask): Buffer {
  const fields = { Host: 'localhost', ...headers }
  if (method !== 'POST') return headOf(method, path, { ...fields, Connection: 'keep-alive, x' })
  const bytes = bytesOf(body)
  const chunk =
    bytes.length > 0 ? `${bytes.length.toString(16)}\r\n${bytes.toString('latin1')}\r\n` : ''
  return Buffer.concat([
    headOf(method, path, { ...fields, 'Transfer-Encoding': 'chunked' }),
    Buffer.from(`${chunk}0\r\n\r\n`, 'latin1'),
  ])
}

const bytesOf = (body: string | Buffer): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : body

function headOf(method: string, path: string, fields: Record<string, string>): Buffer {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1')
}

/** The two ways in which a request is read, and how to write one that is read so. */
export const READERS = [
  ['our own reader', plainRequest],
  ['node:http', otherRequest],
] as const

/** The first answer to these bytes. */
export async function answerTo(url: string, ...pieces: (Buffer | string)[]): Promise<Answer> {
  const client = await openClient(url)
  for (const piece of pieces) client.send(piece)
  const signal = AbortSignal.timeout(WAIT.timeout)
  for (;;) {
    const [answer] = client.answers
    if (answer !== undefined) {
      client.socket.destroy()
      return answer
    }
    await once(client.socket, 'data', { signal })
  }
}

/** The body of an error. */
export const errorText = (message: string): string =>
  `{\n    "error": ${JSON.stringify(message)}\n}`
/** The body of a row answer with these values. */
export const predictionsText = (values: string): string =>
  `{\n    "predictions": [${values}\n    ]\n}`
/** A page of the HTTP library. */
export const pageText = (status: number, phrase: string): string =>
  `<HTML><HEAD>\n<TITLE>${status} ${phrase}</TITLE>\n</HEAD><BODY>\n<H1>${phrase}</H1>\n</BODY></HTML>\n`
