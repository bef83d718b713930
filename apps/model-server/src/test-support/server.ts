import { strict as assert } from 'node:assert'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const Started = z.object({ msg: z.literal('started'), url: z.string().optional() })
const START_MS_MAX = 20_000

/** A model server in a process of its own. */
export interface TestServer {
  url: string
  process: ChildProcess
  /** All that it logged, parsed. */
  logs: unknown[]
  exited: Promise<number | null>
  /** Calls a route of its admin socket. */
  admin: (method: string, path: string, body?: object) => Promise<AdminAnswer>
  stop: () => Promise<void>
}

export interface AdminAnswer {
  status: number
  body: unknown
}

/** Starts the built server with flags; `restFd` is inherited as its descriptor 4. */
export async function startServer(
  flags: readonly string[],
  { restFd, socketPath }: { restFd?: number; socketPath: string },
): Promise<TestServer> {
  const args = [MAIN, '--port=0', `--admin_socket_path=${socketPath}`, ...flags]
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'pipe', 'ignore', restFd ?? 'ignore'],
  })
  const exited = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null))
  const { stdin, stdout, stderr } = child
  assert(stdin && stdout && stderr)
  let errors = ''
  stderr.on('data', (text: Buffer) => {
    errors += text.toString()
  })
  stdin.on('error', () => {})
  const logs: unknown[] = []
  const started = new Promise<string>((resolve) => {
    createInterface(stdout).on('line', (line) => {
      const log: unknown = JSON.parse(line)
      logs.push(log)
      const found = Started.safeParse(log)
      if (found.success) resolve(found.data.url ?? '')
    })
  })
  const failed = exited.then((code) => {
    throw new Error(`the server ended with ${code}: ${errors}${JSON.stringify(logs)}`)
  })
  const late = once(AbortSignal.timeout(START_MS_MAX), 'abort').then(() => {
    throw new Error(`the server did not start: ${errors}`)
  })
  const url = await Promise.race([started, failed, late])
  failed.catch(() => {})
  late.catch(() => {})
  return {
    url,
    process: child,
    logs,
    exited,
    admin: async (method, path, body) => await callSocket(socketPath, { method, path, body }),
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function callSocket(
  socketPath: string,
  { method, path, body }: { method: string; path: string; body: object | undefined },
): Promise<AdminAnswer> {
  const content = method === 'GET' ? '' : JSON.stringify(body ?? {})
  const headers = {
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(content),
  }
  const sent = request({ socketPath, method, path, headers, agent: false })
  const answered = new Promise<AdminAnswer>((resolve, reject) => {
    sent.once('error', reject)
    sent.once('response', (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }),
      )
    })
  })
  sent.end(content)
  return await answered
}
