import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { JobsCode, JobsError } from './failure.ts'

/** The kernel's limit for the path of a Unix socket, on the platform with the lowest. */
export const SOCKET_PATH_BYTES_MAX = 103
const START_MS_MAX = 10_000
const RETRY_MS = 10
const STOP_MS_MAX = 3_000
const EARLIER_MS_MAX = 5_000
const OUTPUT_CHARACTERS_MAX = 2_000
const PID_FILE = 'redis.pid'

// The server is this very process (exec), so its pid and its end are seen directly. A shell beside
// it holds the pipe from the parent: when that closes, also by kill -9, the server is told to stop.
const WATCHED = `exec 3<&0
me=$$
( cat <&3; kill -TERM "$me" ) >/dev/null 2>&1 &
exec redis-server "$@" </dev/null 3<&-`

/** How a server ended. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A private Redis that ends with this process, however that ends. */
export interface RedisServer {
  url: string
  pid: number
  /** Settles when the server is gone, whoever ended it. */
  ended: Promise<Ended>
  /** Ends it in order, within bounded time. What was written before is kept. */
  stop(): Promise<void>
}

export interface RedisServerOptions {
  /** Where its files are; it must exist. A server of an earlier start that is still there is waited for. */
  directory: string
  /** The path of its Unix socket, at most 103 bytes. Nothing listens on TCP. */
  socket: string
  /** Whether what is written outlives the server; true unless told. */
  appendOnly?: boolean
}

/**
 * Starts a `redis-server` from the PATH on a Unix socket, in a process group of its own, and waits
 * until it answers. Throws a JobsError, with what the server said, when none does in ten seconds.
 */
export async function startRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  const { directory, socket } = options
  if (Buffer.byteLength(socket) > SOCKET_PATH_BYTES_MAX) {
    const message = `the socket's path is longer than ${SOCKET_PATH_BYTES_MAX} bytes: ${socket}`
    throw new JobsError(JobsCode.INVALID, message)
  }
  await waitForEarlier(join(directory, PID_FILE))
  const child = spawn('/bin/sh', ['-c', WATCHED, 'redis-server', ...argumentsOf(options)], {
    cwd: directory,
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const output = lastOutputOf(child)
  const ended = endOf(child)
  const failed = new AbortController()
  void ended.then((how) => failed.abort(new Error(`${saidOf(how)} ${output()}`.trim())))
  const url = `unix://${socket}`
  const stop = async () => await end(child, ended)
  try {
    await waitUntilReady(url, failed.signal)
  } catch (cause) {
    await stop()
    throw new JobsError(JobsCode.UNAVAILABLE, 'redis-server did not start', { cause })
  }
  return { url, pid: child.pid ?? 0, ended, stop }
}

function argumentsOf({ directory, socket, appendOnly = true }: RedisServerOptions): string[] {
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: directory,
    pidfile: join(directory, PID_FILE),
    save: '',
    appendonly: appendOnly ? 'yes' : 'no',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
    loglevel: 'warning',
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}

/** Two servers on the same files would spoil them. An earlier one ends soon after its parent. */
async function waitForEarlier(pidFile: string): Promise<void> {
  const deadline = performance.now() + EARLIER_MS_MAX
  for (;;) {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
    if (!(pid > 0 && (await isRedis(pid)))) return
    if (performance.now() > deadline) {
      const message = `the Redis of an earlier start, process ${pid}, still uses ${pidFile}`
      throw new JobsError(JobsCode.UNAVAILABLE, message)
    }
    await wait(RETRY_MS)
  }
}

/** Whether a process is a Redis: its number may have gone to another one. */
async function isRedis(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  // Where there is no /proc, any process counts: waiting for nothing ends with an error that says so.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  return command === undefined || /redis|valkey/.test(command)
}

function lastOutputOf(child: ChildProcess): () => string {
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-OUTPUT_CHARACTERS_MAX)
  })
  // Neither the server's output nor its pipe keeps the process that started it.
  return () => output
}

async function endOf(child: ChildProcess): Promise<Ended> {
  return await new Promise((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }))
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

const saidOf = ({ code, signal }: Ended): string =>
  code === 127 ? 'there is no redis-server on the PATH' : `it ended with ${signal ?? code}`

async function end(child: ChildProcess, ended: Promise<Ended>): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await ended
  clearTimeout(timer)
}

const Message = z.object({ message: z.string() })

/** Waits until a Redis answers; throws when it takes longer than ten seconds or a signal says no. */
export async function waitUntilReady(url: string, ...signals: AbortSignal[]): Promise<void> {
  const probe = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => RETRY_MS })
  let last = ''
  // Each failed try is reported here, and the next try follows.
  probe.on('error', (error) => (last = Message.safeParse(error).data?.message ?? last))
  const timeout = AbortSignal.timeout(START_MS_MAX)
  const signal = AbortSignal.any([...signals, timeout])
  // Not `once` of node:events, which gives up at the first `error`.
  const isReady = await new Promise<boolean>((resolve) => {
    probe.once('ready', () => resolve(true))
    signal.addEventListener('abort', () => resolve(false), { once: true })
  })
  probe.disconnect()
  if (isReady) return
  if (!timeout.aborted) signal.throwIfAborted()
  throw new JobsError(JobsCode.UNAVAILABLE, `no Redis answers: ${last}`)
}
