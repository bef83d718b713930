import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Connection, Job } from './load-job.ts'

const READ_BYTES = 64 * 1_024
const NOTHING = Buffer.alloc(0)
const HEAD_END = '\r\n\r\n'
const GOOD = 'HTTP/1.1 200'

/** A keep-alive connection, by hand: a client library would cost more than the server. */
export async function openHttp({ port, path, models, bodyFile }: Job): Promise<Connection> {
  const body = bodyFile === undefined ? undefined : readFileSync(bodyFile)
  const requests = Array.from({ length: path.includes('{}') ? models : 1 }, (_, model) =>
    requestOf(path.replace('{}', `${model}`), body),
  )
  let answer: Buffer = NOTHING
  let done: ((isGood: boolean) => void) | undefined
  const receive = (bytes: number, read: Uint8Array): boolean => {
    const piece = Buffer.from(read.buffer, read.byteOffset, bytes)
    const whole = answer.length === 0 ? piece : Buffer.concat([answer, piece])
    const head = wholeHead(whole)
    // What was read is overwritten by the next piece.
    answer = head === undefined ? Buffer.from(whole) : NOTHING
    if (head !== undefined) done?.(head.startsWith(GOOD))
    return true
  }
  const onread = { buffer: Buffer.alloc(READ_BYTES), callback: receive }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread })
  await once(socket, 'connect')
  socket.once('close', () => {
    throw new Error('the server closed a connection')
  })
  return {
    ask(index, then) {
      done = then
      socket.write(requests[index % requests.length] ?? NOTHING)
    },
  }
}

function requestOf(path: string, body: Buffer | undefined): Buffer {
  if (body === undefined) return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  const head =
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** The head of an answer of which all is there. */
function wholeHead(answer: Buffer): string | undefined {
  const end = answer.indexOf(HEAD_END)
  if (end < 0) return undefined
  const head = answer.toString('latin1', 0, end)
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer of unknown length: ${head}`)
  return answer.length < end + HEAD_END.length + Number(length) ? undefined : head
}
