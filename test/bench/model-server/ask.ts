import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'

const ANSWER_MS_MAX = 600_000

/** Where a server listens. */
export type Place = { port: number } | { socketPath: string }

export interface Answer {
  status: number
  text: string
}

/** Servers end idle connections after 5 s: none is to be used just then. */
const IDLE_MS_MAX = 3_000

const agent = new Agent({ keepAlive: true, maxSockets: 1, timeout: IDLE_MS_MAX })

/** A single request. Throws when the answer is not 200. */
export async function ask(
  place: Place,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<Answer> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  const content = body === undefined ? undefined : JSON.stringify(body)
  const headers =
    content === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }
  const asking = request({ host: '127.0.0.1', ...place, method, path, headers, agent, signal })
  const answered = once(asking, 'response')
  asking.end(content)
  const [response] = await answered
  const answer = { status: Number(response.statusCode), text: await text(response) }
  if (answer.status !== 200)
    throw new Error(`${method} ${path} was answered by ${answer.status}: ${answer.text}`)
  return answer
}
