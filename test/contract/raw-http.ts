import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { RestRequest } from './cases/rest/case.ts'

const ANSWER_MS_MAX = 30_000
const HEAD_END = '\r\n\r\n'

/** What came back; header names in small letters. */
export interface HttpAnswer {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  body: string
}

/**
 * Sends a request with its path byte for byte, on a connection of its own, and reads until the server
 * closes it: a client that knows HTTP would mend or refuse what these cases are about.
 */
export async function exchange(base: string, request: RestRequest): Promise<HttpAnswer> {
  const { hostname, port } = new URL(base)
  const { method, path, headers = {}, body } = request
  const lines = [`${method} ${path} HTTP/1.1`, 'host: tested', 'connection: close']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`content-length: ${Buffer.byteLength(body)}`)
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  const socket = createConnection({ host: hostname, port: Number(port), signal })
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(lines.join('\r\n') + HEAD_END, 'latin1')
  if (body !== undefined) socket.write(body)
  await once(socket, 'close')
  return readAnswer(Buffer.concat(chunks))
}

/** Throws for what is no answer with its length. */
function readAnswer(bytes: Buffer): HttpAnswer {
  const end = bytes.indexOf(HEAD_END)
  const [start = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1])
  if (end < 0 || Number.isNaN(status))
    throw new Error(`no HTTP answer: ${bytes.toString('latin1', 0, 200)}`)
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  if (headers['transfer-encoding'] !== undefined) throw new Error('an answer in chunks')
  return { status, headers, body: bytes.toString('utf8', end + HEAD_END.length) }
}
