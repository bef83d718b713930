// What Linux tells of a process and of those that it started.

import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
const US_PER_TICK = 1e6 / TICKS_PER_SECOND
const BYTES_PER_KIB = 1_024

/** CPU of a process and its children in microseconds, threads that ended included. */
export const cpuUsOf = (pid: number): number =>
  sum(treeOf(pid).map((each) => ticksIn(`/proc/${each}/stat`) * US_PER_TICK))

/** CPU of each thread that runs now, in microseconds. */
export function threadsOf(pid: number): Map<number, number> {
  const threads = new Map<number, number>()
  for (const each of treeOf(pid))
    for (const thread of tasksOf(each))
      threads.set(Number(thread), ticksIn(`/proc/${each}/task/${thread}/stat`) * US_PER_TICK)
  return threads
}

/** Memory of a process and its children in bytes; pages that several share count once in all. */
export const memoryBytesOf = (pid: number): number =>
  sum(treeOf(pid).map((each) => kibibytesIn(`/proc/${each}/smaps_rollup`, 'Pss') * BYTES_PER_KIB))

/** The process first. Throws when there is none. */
function treeOf(pid: number): number[] {
  const children = tasksOf(pid).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  )
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))]
}

const tasksOf = (pid: number): string[] => readdirSync(`/proc/${pid}/task`)

function ticksIn(path: string): number {
  const stat = readFileSync(path, 'utf8')
  // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

const kibibytesIn = (path: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? 0)

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
