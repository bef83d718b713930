// Server on one core, load on the other: what a server costs is what the kernel charged to it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { cpuUsOf, memoryBytesOf, threadsOf } from './proc.ts'

const READY_MS_MAX = 600_000
const STOP_MS_MAX = 20_000

export const SERVER_CORE = '0'
export const LOAD_CORE = '1'
export const ALL_CORES = `${SERVER_CORE},${LOAD_CORE}`

const Line = z.record(z.string(), z.unknown())
type Line = z.output<typeof Line>

/** A process on cores of its own that says in JSON lines on stdout what happens to it. */
export interface Pinned extends AsyncDisposable {
  pid: number
  /** The first line that has this message; earlier ones count too. Throws when it ends before. */
  said(message: string): Promise<Line>
  /** What the kernel charged to it and its children so far, in microseconds, to 10 ms. */
  cpuUs(): number
  /** The same by thread. */
  threads(): Map<number, number>
  /** Its memory and its children's, what they share counted once, in bytes. */
  memoryBytes(): number
}

export interface PinnedOptions {
  /** As `taskset` wants them: `0` or `0,1`. */
  cores: string
  command: readonly string[]
  /** The messages to keep; a server with thousands of models says more than anybody waits for. */
  messages: readonly string[]
  env?: NodeJS.ProcessEnv
}

/** Keeps this process, which gives the orders, off the server's core. */
export function pinSelf(): void {
  spawnSync('taskset', ['-a', '-c', '-p', LOAD_CORE, `${process.pid}`])
}

/** Starts a command on some of the cores. */
export function startPinned({ cores, command, messages, env = {} }: PinnedOptions): Pinned {
  const child = spawn('taskset', ['-c', cores, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  // A command that is not there is told as one that ended.
  child.once('error', (error) => console.error(error.message))
  const pid = child.pid ?? 0
  child.once('exit', (code, signal) => {
    if (signal !== null && !child.killed) console.error(`${command[0]} was ended by ${signal}`)
  })
  const lines = new Map<string, Line>()
  const listeners = new Set<(line: Line) => void>()
  createInterface(child.stdout).on('line', (text) => {
    const line = readLine(text)
    const message = String(line?.msg)
    if (line === undefined || !messages.includes(message) || lines.has(message)) return
    lines.set(message, line)
    for (const each of listeners) each(line)
  })
  return {
    pid,
    said: async (message) => await waitFor(message, { child, lines, listeners }),
    cpuUs: () => cpuUsOf(pid),
    threads: () => threadsOf(pid),
    memoryBytes: () => memoryBytesOf(pid),
    [Symbol.asyncDispose]: async () => await stop(child),
  }
}

interface Talk {
  child: ChildProcess
  lines: ReadonlyMap<string, Line>
  listeners: Set<(line: Line) => void>
}

async function waitFor(message: string, { child, lines, listeners }: Talk): Promise<Line> {
  const known = lines.get(message)
  if (known !== undefined) return known
  return await new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      listeners.delete(listener)
      child.off('close', onClose)
    }
    const fail = (why: string): void => {
      settle()
      reject(new Error(why))
    }
    const timer = setTimeout(() => fail(`no ${message} in ${READY_MS_MAX} ms`), READY_MS_MAX)
    const onClose = (code: number | null, signal: string | null): void =>
      fail(`the process ended by ${signal ?? code} before it said ${message}`)
    const listener = (line: Line): void => {
      if (line.msg !== message) return
      settle()
      resolve(line)
    }
    // Not `exit`: what it said last may still be on its way then.
    child.once('close', onClose)
    listeners.add(listener)
  })
}

function readLine(text: string): Line | undefined {
  try {
    const line = Line.safeParse(JSON.parse(text))
    return line.success ? line.data : undefined
  } catch {
    // Not every line is for us.
    return undefined
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
