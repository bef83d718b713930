import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ROOT } from '../support/root.ts'
import { get } from './cases/rest/case.ts'
import { exchange } from './raw-http.ts'

const START_MS_MAX = 60_000
const STOP_MS_MAX = 20_000
const LOOK_MS = 20
const SAID_CHARACTERS_MAX = 200_000

/**
 * How the server under test is started: a command line to which upstream's flags are added. Another
 * server, upstream's own for one, is tested by DROVER_CONTRACT_COMMAND="tensorflow_model_server".
 */
const { DROVER_CONTRACT_COMMAND } = process.env
export const COMMAND = (
  DROVER_CONTRACT_COMMAND ?? join(ROOT, 'node_modules/.bin/drover-model-server')
).split(' ')

/** Whether it is this repository's server that is tested. */
export const IS_OURS = DROVER_CONTRACT_COMMAND === undefined

/** A server under test that was started by nothing but upstream's flags. */
export interface TestedServer extends AsyncDisposable {
  readonly process: ChildProcess
  readonly rest: string
  /** Address of the gRPC port. */
  readonly grpc: string
  /** What it said on standard error so far, the last of it. */
  stderr(): string
  /** What it said on standard output and standard error since this mark; everything kept if there is none. */
  said(since?: number): string
  /** A mark for `said`. */
  mark(): number
}

/** Starts the server with these flags on ports of its own; resolves when its REST port answers. */
export async function startTested(flags: readonly string[]): Promise<TestedServer> {
  const [restPort, grpcPort] = [await freePort(), await freePort()]
  const [command = '', ...words] = COMMAND
  const ports = [`--rest_api_port=${restPort}`, `--port=${grpcPort}`]
  const child = spawn(command, [...words, ...ports, ...flags], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stderr, both] = [new Tail(), new Tail()]
  child.stdout?.setEncoding('utf8').on('data', (text: string) => both.add(text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr.add(text)
    both.add(text)
  })
  const rest = `http://127.0.0.1:${restPort}`
  const deadline = Date.now() + START_MS_MAX
  while (!(await answers(rest))) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the server ended while it started: ${stderr.since()}`)
    if (Date.now() > deadline)
      throw new Error(`no answer within ${START_MS_MAX} ms: ${stderr.since()}`)
    await delay(LOOK_MS)
  }
  return {
    process: child,
    rest,
    grpc: `127.0.0.1:${grpcPort}`,
    stderr: () => stderr.since(),
    said: (mark) => both.since(mark),
    mark: () => both.length,
    [Symbol.asyncDispose]: async () => await stop(child),
  }
}

/** The last of a text that grows. */
class Tail {
  #text = ''
  #dropped = 0

  get length(): number {
    return this.#dropped + this.#text.length
  }

  add(text: string): void {
    const whole = this.#text + text
    this.#text = whole.slice(-SAID_CHARACTERS_MAX)
    this.#dropped += whole.length - this.#text.length
  }

  since(mark = 0): string {
    return this.#text.slice(Math.max(0, mark - this.#dropped))
  }
}

/** Waits until a version of a model is AVAILABLE. */
export async function untilAvailable({ rest }: TestedServer, name: string): Promise<void> {
  const deadline = Date.now() + START_MS_MAX
  for (;;) {
    const { body: text } = await exchange(rest, get(`/v1/models/${encodeURIComponent(name)}`))
    if (text.includes('"AVAILABLE"')) return
    if (Date.now() > deadline) throw new Error(`${name} is not available: ${text}`)
    await delay(LOOK_MS)
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await ended
  clearTimeout(timer)
}

async function answers(rest: string): Promise<boolean> {
  try {
    await exchange(rest, get('/v1/models'))
    return true
  } catch {
    // It does not listen yet.
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const place = server.address()
  server.close()
  await once(server, 'close')
  if (place === null || typeof place === 'string') throw new Error('no port')
  return place.port
}
