import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'

const LOG_BYTES_MAX = 20 * 1024 * 1024
const RESTART_MS_MIN = 100
const RESTART_MS_MAX = 5_000
/** A child that ran this long had a good start: the next restart does not wait. */
const STEADY_MS = 10_000

const StartedLine = z.object({ msg: z.literal('started'), url: z.url() })

/** One app as a process of its own. */
export interface ChildSpec {
  name: string
  /** The built entry file. */
  main: string
  /** Its whole environment. What is added after its start counts from its next start on. */
  env: Record<string, string>
  logPath: string
}

/** Hears of what happens to the children. */
export type OnChild = (event: { name: string; kind: 'ended' | 'restarted'; why: string }) => void

export interface Child {
  readonly name: string
  /** Where it listens, once it said so for the first time. */
  readonly url: Promise<string>
  /** Ends it: SIGTERM, and SIGKILL for its whole group at the deadline. */
  stop(deadlineMs: number): Promise<void>
}

/**
 * Starts a child in a process group of its own and starts it again, on the same port, whenever it
 * ends by itself. It ends with us: its standard input is a pipe that closes when we are gone.
 */
export function superviseChild(spec: ChildSpec, onChild: OnChild): Child {
  const log = openLog(spec.logPath)
  const { promise: url, resolve, reject } = makePromise<string>()
  const state = { stopping: false, hasStarted: false }
  let running: ChildProcess
  let backoffMs = RESTART_MS_MIN
  let restart: NodeJS.Timeout | undefined

  function start(): void {
    const startedAt = performance.now()
    let tail = ''
    running = spawn(process.execPath, ['--enable-source-maps', spec.main], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: spec.env,
    })
    const { stdout, stderr } = running
    if (stdout === null || stderr === null) throw new Error(`${spec.name} has no output`)
    stderr.on('data', (chunk: Buffer) => (tail = `${tail}${chunk.toString()}`.slice(-1_000)))
    stderr.pipe(log, { end: false })
    createInterface({ input: stdout }).on('line', (line) => {
      log.write(`${line}\n`)
      const started = parseStarted(line)
      if (started === undefined) {
        if (line.includes('"level":60')) tail = line
        return
      }
      // Whoever was told this address finds it there after a restart too.
      spec.env.DROVER_PORT = new URL(started).port
      state.hasStarted = true
      resolve(started)
    })
    running.once('exit', (code, signal) => {
      if (state.stopping) return
      const why = signal ?? `exit ${code}`
      const failure = new Error(`${spec.name} did not start (${why}): ${describe(tail)}`)
      // What never ran will not run the next time either: whoever waits for it decides.
      if (!state.hasStarted) return reject(failure)
      onChild({ name: spec.name, kind: 'ended', why })
      if (performance.now() - startedAt > STEADY_MS) backoffMs = RESTART_MS_MIN
      restart = setTimeout(start, backoffMs)
      backoffMs = Math.min(backoffMs * 2, RESTART_MS_MAX)
    })
  }

  start()
  return {
    name: spec.name,
    url,
    async stop(deadlineMs) {
      state.stopping = true
      clearTimeout(restart)
      await endGroup(running, deadlineMs)
      log.end()
    },
  }
}

/** Ends a process and everything in its group. */
async function endGroup(child: ChildProcess, deadlineMs: number): Promise<void> {
  if (child.pid === undefined) return
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(deadlineMs) })
    child.kill('SIGTERM')
    // At the deadline the wait ends without an exit, and the kill below settles it.
    await exited.catch(() => {})
  }
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group is empty: all of it has ended by itself.
  }
}

function openLog(path: string): WriteStream {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > LOG_BYTES_MAX) renameSync(path, `${path}.1`)
  return createWriteStream(path, { flags: 'a', mode: 0o600 })
}

function parseStarted(line: string): string | undefined {
  if (!line.includes('"msg":"started"')) return undefined
  try {
    const started = StartedLine.safeParse(JSON.parse(line))
    return started.success ? started.data.url : undefined
  } catch {
    // Not a line of our log: some library wrote to stdout.
    return undefined
  }
}

const FatalLine = z.object({
  err: z.object({ message: z.string(), cause: z.unknown() }).partial(),
})

/** The message of a fatal log line, or the end of what was written to stderr. */
function describe(tail: string): string {
  try {
    const { err } = FatalLine.parse(JSON.parse(tail))
    return err.message ?? tail
  } catch {
    // Not a log line: a stack trace on stderr, say. Its end says most.
    return tail.trim().split('\n').slice(-3).join(' ')
  }
}

function makePromise<T>() {
  const handles: { resolve?: (value: T) => void; reject?: (error: Error) => void } = {}
  const promise = new Promise<T>((resolve, reject) => Object.assign(handles, { resolve, reject }))
  // Who waits for it hears of the failure; a restart after a good start has nobody waiting.
  promise.catch(() => {})
  return {
    promise,
    resolve: (value: T) => handles.resolve?.(value),
    reject: (error: Error) => handles.reject?.(error),
  }
}
