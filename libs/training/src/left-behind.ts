import { existsSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { TrainingError } from './errors.ts'

/** Marks every process of a run: what they start inherits it, in whatever group or session. */
export const RUN_VARIABLE = 'DROVER_RUN'

const PASSES_MAX = 200
/** A process that starts another and ends can hide it from one pass. */
const CLEAN_PASSES = 2
const PAUSE_MS = 10
/** It ended meanwhile, or belongs to somebody else. */
const NOT_OURS = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM'])

/** By what the processes of one run are known. */
export interface Marks {
  /** The value of RUN_VARIABLE: nobody else's. */
  run: string
  /** The run's own folder, without links. */
  home: string
}

/**
 * Kills what a command left running outside its process group, and returns once none of it can
 * write any more. Known are processes with the run's mark in their environment, and those that work
 * in its home, so one that clears its environment has to leave its folder too in order to get away.
 * Where there is no /proc nothing can be found, and a process warning says so. Throws CRASHED when
 * there is no end of them.
 */
export async function endLeftBehind(marks: Marks, proc = '/proc'): Promise<void> {
  if (!existsSync(proc)) {
    process.emitWarning(`without ${proc}, what commands leave running is ended in their group only`)
    return
  }
  let clean = 0
  for (let pass = 0; pass < PASSES_MAX && clean < CLEAN_PASSES; pass++) {
    if (pass > 0) await wait(PAUSE_MS)
    try {
      clean = (await killMarked(marks, proc)) === 0 ? clean + 1 : 0
    } catch (cause) {
      const message = 'what the command left running cannot be looked for'
      throw new TrainingError('TRANSIENT', message, { cause })
    }
  }
  if (clean < CLEAN_PASSES)
    throw new TrainingError('CRASHED', 'the command left processes running that cannot be ended')
}

async function killMarked(marks: Marks, proc: string): Promise<number> {
  let found = 0
  for (const name of await readdir(proc)) {
    if (!/^\d+$/.test(name) || !(await isMarked(join(proc, name), marks))) continue
    found++
    try {
      process.kill(Number(name), 'SIGKILL')
    } catch {
      // It has ended, or the next pass finds it again.
    }
  }
  return found
}

async function isMarked(folder: string, { run, home }: Marks): Promise<boolean> {
  try {
    const environment = await readFile(join(folder, 'environ'), 'latin1')
    if (environment.split('\0').includes(`${RUN_VARIABLE}=${run}`)) return true
    const place = await readlink(join(folder, 'cwd'))
    return place === home || place.startsWith(`${home}/`)
  } catch (error) {
    if (NOT_OURS.has(codeOf(error))) return false
    throw error
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''
