import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

const START_FIELD = 20
const NAMESPACE = readNamespace()

/**
 * Which process a claim belongs to: machine, process namespace, pid and the process's start. A
 * claim of a process that ended on this machine need not be waited for until its deadline.
 */
export const HOST = [hostname(), NAMESPACE, process.pid, startOf(process.pid)].join('/')

/** Runs of this very process, however many schedulers share it. */
const runsHere = new Set<string>()

export const startRun = (run: string): void => void runsHere.add(run)
export const endRun = (run: string): void => void runsHere.delete(run)

/** What can be known here of the run behind a claim. Another machine's is not known. */
export function ownerOf(claim: { host: string; run: string }): 'running' | 'gone' | 'unknown' {
  if (claim.host === HOST) return runsHere.has(claim.run) ? 'running' : 'gone'
  const { isHere, isAlive } = look(claim.host)
  if (!isHere) return 'unknown'
  return isAlive ? 'running' : 'gone'
}

/** Whether a process was on this machine, or in an earlier container of its name, and has ended. */
export function isGoneHere(host: string): boolean {
  const [machine] = host.split('/')
  return machine === hostname() && !look(host).isAlive
}

function look(host: string): { isHere: boolean; isAlive: boolean } {
  const [machine, namespace, pid, start] = host.split('/')
  const isHere = machine === hostname() && namespace === NAMESPACE
  return { isHere, isAlive: isHere && start !== '' && startOf(Number(pid)) === start }
}

/** When a process started, by the kernel's clock; empty when there is none. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The process's name is in brackets and may hold anything; what follows is numbers.
    return stat.slice(stat.lastIndexOf(')')).split(' ')[START_FIELD] ?? ''
  } catch {
    // No such process: nothing runs under that number.
    return ''
  }
}

function readNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')
  } catch {
    // Without /proc no process of this machine can be told apart, so its claims are waited for.
    return `unknown-${process.pid}`
  }
}
