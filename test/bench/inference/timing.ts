// What the figures of the engines are measured with.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { preparePython, runPython } from '../../support/python.ts'
import { medianOf } from '../local.ts'

const Taken = z.object({ load: z.number(), predict: z.number() })

/** Does something with a SavedModel in a folder that is gone afterwards. */
export async function withModel<T>(
  bytes: Uint8Array,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'drover-bench-inference-'))
  try {
    await writeFile(join(directory, 'saved_model.pb'), bytes)
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * The median time of each, in microseconds. They take turns, so that what else the machine does hits
 * all alike.
 */
export async function timesOf(
  rounds: number,
  works: readonly (() => unknown)[],
): Promise<number[]> {
  const taken: number[][] = works.map(() => [])
  for (let round = 0; round < rounds; round++)
    for (const [index, work] of works.entries()) {
      const start = performance.now()
      await work()
      taken[index]?.push((performance.now() - start) * 1_000)
    }
  return taken.map(medianOf)
}

/** What work takes among others, in microseconds. */
export interface Turns {
  /** The median of runs one after the other, warmed up anew in each turn. */
  median: number
  /** The median of the first runs of turns: what was in the caches has made way for the others by then. */
  first: number
}

/** Runs of a turn that are not counted: caches fill. */
const TURN_WARM_UPS = 20
const TURN_RUNS = 50

/**
 * What works take that are given turns, each of so many runs: what else the machine does hits all alike,
 * and none runs in caches that another one has filled, as no two engines do in one server. They come in
 * another order each time: threads of an engine go on spinning for a while, which costs whoever comes
 * next half of a core.
 */
export async function turnsOf(turns: number, works: readonly (() => unknown)[]): Promise<Turns[]> {
  const taken = works.map(() => ({ firsts: new Array<number>(), others: new Array<number>() }))
  for (let turn = 0; turn < turns; turn++)
    for (const [index, work] of inOrder([...works.entries()], turn)) {
      const [first = NaN, ...more] = await runsOf(work, 1 + TURN_WARM_UPS + TURN_RUNS)
      taken[index]?.firsts.push(first)
      taken[index]?.others.push(...more.slice(TURN_WARM_UPS))
    }
  return taken.map(({ firsts, others }) => ({ median: medianOf(others), first: medianOf(firsts) }))
}

/** Each way round by turns, and each time another one begins. */
function inOrder<T>(all: readonly T[], turn: number): T[] {
  const first = Math.floor(turn / 2) % all.length
  const order = [...all.slice(first), ...all.slice(0, first)]
  return turn % 2 === 0 ? order : order.toReversed()
}

async function runsOf(work: () => unknown, runs: number): Promise<number[]> {
  const taken: number[] = []
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    await work()
    taken.push((performance.now() - start) * 1_000)
  }
  return taken
}

/** What Python's TensorFlow takes, in microseconds: it has a process, and a turn, of its own. */
export async function timesOfPython(given: {
  directory: string
  input: string
  values: unknown
  dtype: 'float32' | 'string'
  rounds: number
  /** Of how many loads after the first the median is taken. */
  loads?: number
}): Promise<z.output<typeof Taken>> {
  return Taken.parse(JSON.parse(await runPython(await preparePython(), 'timed.py', given)))
}
