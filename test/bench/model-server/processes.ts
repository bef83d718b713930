// Server on one core, load on the other: what a server costs is what the kernel charged to it.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'

const READY_MS_MAX = 300_000
const STOP_MS_MAX = 20_000
/** USER_HZ of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

export const SERVER_CORE = 0
export const LOAD_CORE = 1

const Line = z.record(z.string(), z.unknown())
type Line = z.output<typeof Line>

/** A process on a core of its own that says in JSON lines on stdout what happens to it. */
export interface Pinned extends AsyncDisposable {
  pid: number
  /** The first line that has this message; earlier ones count too. */
  said(message: string): Promise<Line>
  /** What the kernel charged to it so far, its children that ended not counted, in microseconds. */
  cpuUs(): number
  /** What is resident of it, in bytes. */
  residentBytes(): number
}

export interface PinnedOptions {
  core: number
  command: readonly string[]
  env?: NodeJS.ProcessEnv
}

/** Starts a command on one core. */
export function startPinned({ core, command, env = {} }: PinnedOptions): Pinned {
  const child = spawn('taskset', ['-c', `${core}`, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const pid = child.pid ?? 0
  const lines: Line[] = []
  const listeners = new Set<(line: Line) => void>()
  createInterface(child.stdout).on('line', (text) => {
    const line = readLine(text)
    if (line === undefined) return
    lines.push(line)
    for (const each of listeners) each(line)
  })
  return {
    pid,
    said: async (message) => await waitFor(message, { child, lines, listeners }),
    cpuUs: () => cpuUsOf(pid),
    residentBytes: () => statusOf(pid, 'VmRSS') * 1_024,
    [Symbol.asyncDispose]: async () => await stop(child),
  }
}

interface Talk {
  child: ChildProcess
  lines: readonly Line[]
  listeners: Set<(line: Line) => void>
}

async function waitFor(message: string, { child, lines, listeners }: Talk): Promise<Line> {
  const known = lines.find((line) => line.msg === message)
  if (known !== undefined) return known
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${message}`)), READY_MS_MAX)
    child.once('exit', () => reject(new Error(`the process ended before it said ${message}`)))
    const listener = (line: Line): void => {
      if (line.msg !== message) return
      clearTimeout(timer)
      listeners.delete(listener)
      resolve(line)
    }
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

function cpuUsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
}

const statusOf = (pid: number, name: string): number =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(
      readFileSync(`/proc/${pid}/status`, 'utf8'),
    )?.[1] ?? 0,
  )

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await ended
  clearTimeout(timer)
}
