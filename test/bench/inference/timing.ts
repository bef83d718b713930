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

/** What Python's TensorFlow takes, in microseconds. */
export async function timesOfPython(given: {
  directory: string
  input: string
  values: unknown
  dtype: 'float32' | 'string'
  rounds: number
}): Promise<z.output<typeof Taken>> {
  return Taken.parse(JSON.parse(await runPython(await preparePython(), 'timed.py', given)))
}
