import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Access } from '../access.ts'

export interface Asked {
  method: string
  url: URL
  type: string
  body: unknown
  authorization: string
}

/**
 * What a real API server does only when it is ill: `answer` says what each request gets. Gives back
 * the access to it, all that was asked, and its end.
 */
export async function startApiServer(
  answer: (asked: Asked, response: ServerResponse, count: number) => void,
) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const text = await readAll(request)
      const one = {
        method: request.method ?? '',
        url: new URL(request.url ?? '/', 'http://localhost'),
        type: request.headers['content-type'] ?? '',
        body: z
          .json()
          .optional()
          .parse(text === '' ? undefined : JSON.parse(text)),
        authorization: request.headers.authorization ?? '',
      }
      asked.push(one)
      answer(one, response, asked.length)
    })()
  })
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const agent = new Agent({ keepAlive: true })
  let renewals = 0
  const access: Access = {
    namespace: async () => 'drover',
    pass: async () => ({
      server: new URL(`http://127.0.0.1:${address.port}`),
      agent,
      headers: { Authorization: `Bearer secret-${renewals}` },
    }),
    renew: () => {
      renewals++
    },
    close: () => agent.destroy(),
  }
  return {
    access,
    asked,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

export function reply(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
