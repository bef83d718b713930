import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, mkdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { AgentError } from '../errors.ts'
import { type Admin, type Drain, makeAdmin } from './admin.ts'
import type { BoundSocket } from './socket.ts'

const START_MS_MAX = 30_000
/** How long one that is replaced may take to finish what it has. */
export const DRAIN_MS_MAX = 15_000
/** On top of what one that ends for good was given: its threads end then. */
export const END_MS_MAX = 5_000
/** A Unix socket's path has to fit in 108 bytes of the kernel's, and a name is put behind the folder. */
const SOCKET_FOLDER_BYTES_MAX = 80
const LOG_LINE_CHARACTERS_MAX = 100_000
/** Of the sockets in the process, behind its standard streams and one that is left free. */
const FIRST_FD = 4

/** A model server that runs. */
export interface ModelServer {
  /** 0 for one that others start. */
  readonly pid: number
  /** Undefined for one that others start: nothing is known of its age. */
  readonly since: Date | undefined
  readonly admin: Admin
  /** Resolves with what to say of it when the process is gone. */
  readonly ended: Promise<string>
  residentBytes(): Promise<number>
  /** Lets it finish what it has, then sees to its end; it is replaced unless told how to end. */
  drain(how?: Drain): Promise<void>
  /** Ends it at once. */
  kill(): Promise<void>
}

export interface Starter {
  /**
   * When a model server may be replaced by the next: while the last one still answers, on the same
   * socket; when it has gone; or never, where it is somebody else's.
   */
  readonly replaces: 'beside' | 'after' | 'never'
  /** Starts a process, or finds one; resolves when it can be told what to serve. */
  start(): Promise<ModelServer>
  [Symbol.asyncDispose](): Promise<void>
}

export interface StarterOptions {
  /** The model server's program. */
  program: string
  sockets: Sockets
  /** Threads that answer requests: each listens on a copy of each socket. */
  workers: number
  /** Further flags. */
  flags: readonly string[]
  /** Where the admin sockets go, if its path is short enough for one. */
  folder: string
  env: NodeJS.ProcessEnv
  /** What the processes log, line by line. */
  onLine: (line: string) => void
}

/** What the processes listen on, one after another. */
export interface Sockets {
  rest: BoundSocket
  /** Undefined for no gRPC. */
  grpc: BoundSocket | undefined
}

const LogLine = z.object({ msg: z.string() })

export async function makeStarter(options: StarterOptions): Promise<Starter> {
  const folder = await openSocketFolder(options.folder)
  const { copies, listenFlag } = copiesOf(options)
  let started = 0
  return {
    replaces: 'beside',
    async start() {
      const socketPath = join(folder, `${process.pid}-${++started}.sock`)
      const since = new Date()
      const child = spawn(
        options.program,
        [
          listenFlag,
          // It shares the socket with one that serves: nobody may be answered before it serves as much.
          '--accept_later',
          `--admin_socket_path=${socketPath}`,
          ...options.flags,
        ],
        // Its standard input is a pipe of this process: whatever ends this one ends it too.
        { stdio: ['pipe', 'pipe', 'inherit', 'ignore', ...copies], env: options.env },
      )
      const ended = endOf(child)
      try {
        await untilStarted(child, ended, options.onLine)
      } catch (error) {
        child.kill('SIGKILL')
        throw error
      }
      return wrap(child, { since, ended, admin: makeAdmin(socketPath) })
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A copy of each socket for each worker, and the flag that says which descriptors they are in the process. */
function copiesOf({ sockets: { rest, grpc }, workers }: StarterOptions) {
  const copies: number[] = []
  const listed = ({ fd }: BoundSocket): string =>
    Array.from({ length: workers }, () => copies.push(fd) - 1 + FIRST_FD).join(',')
  const kinds = [`rest:${listed(rest)}`, ...(grpc === undefined ? [] : [`grpc:${listed(grpc)}`])]
  return { copies, listenFlag: `--listen_fds=${kinds.join(';')}` }
}

async function openSocketFolder(folder: string): Promise<string> {
  if (Buffer.byteLength(folder) > SOCKET_FOLDER_BYTES_MAX)
    return await mkdtemp(join(tmpdir(), 'drover-admin-'))
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** Resolves with what to say of a process when it is gone. */
export async function endOf(child: ChildProcess): Promise<string> {
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
}

async function untilStarted(
  child: ChildProcess,
  ended: Promise<string>,
  onLine: (line: string) => void,
): Promise<void> {
  const started = new Promise<void>((resolve) => {
    linesOf(child, (line) => {
      if (messageOf(line) === 'started') resolve()
      else onLine(line)
    })
  })
  // A process that is gone closes the pipe under a writer; its end is reported by `ended`.
  child.stdin?.on('error', () => {})
  const early = ended.then((how) => {
    throw new AgentError('SERVER_ENDED', `the model server ended while it started: ${how}`)
  })
  const late = once(AbortSignal.timeout(START_MS_MAX), 'abort').then(() => {
    throw new AgentError('SERVER_ENDED', `the model server is not up after ${START_MS_MAX} ms`)
  })
  await Promise.race([started, early, late])
}

/** Resolves when a process that was asked to end has ended; it is killed when that takes too long. */
export async function endWithin(
  child: ChildProcess,
  ended: Promise<string>,
  msMax: number,
): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), msMax)
  await ended
  clearTimeout(timer)
}

/** Hands on what a process logs, line by line. */
export function linesOf({ stdout }: ChildProcess, onLine: (line: string) => void): void {
  if (stdout === null) return
  createInterface(stdout).on('line', (line) => onLine(line.slice(0, LOG_LINE_CHARACTERS_MAX)))
}

function messageOf(line: string): string | undefined {
  try {
    const found = LogLine.safeParse(JSON.parse(line))
    return found.success ? found.data.msg : undefined
  } catch {
    // A line that is no JSON is some library's word, and passed on as it is.
    return undefined
  }
}

function wrap(
  child: ChildProcess,
  parts: Pick<ModelServer, 'since' | 'ended' | 'admin'>,
): ModelServer {
  const { admin, ended } = parts
  const pid = child.pid ?? 0
  void ended.then(() => admin[Symbol.dispose]())

  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await ended
  }

  return {
    ...parts,
    pid,
    residentBytes: async () => await residentBytesOf(pid),
    kill,
    async drain(how?: Drain) {
      // One that is wedged does not answer, and is not waited for.
      const asked = await admin.drain(how).then(
        () => true,
        () => false,
      )
      if (!asked) return await kill()
      await endWithin(child, ended, how === undefined ? DRAIN_MS_MAX : how.msMax + END_MS_MAX)
    },
  }
}

/** What the process holds in memory; 0 where the system does not say. */
export async function residentBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}
