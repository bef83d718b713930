// Graphs as Python writes them, with functions, variables, tables and loops, and a bit of each turned: they
// are read all the same, or refused with a reason, and soon.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceError, inspectModel } from '@drover/inference'
import { expect, test } from 'vitest'
import { prepareZoo } from './zoo.ts'

const MODELS = ['activation-silu', 'table-of-file-lines', 'recurrent-gru', 'tf1-many-graphs']
const MUTATIONS = 500
const MS_MAX = 2_000
const LONG_MS_MAX = 35 * 60_000

test.each(MODELS)(
  '%s',
  async (name) => {
    const [model] = await prepareZoo([name])
    const directory = await mkdtemp(join(tmpdir(), 'drover-damage-'))
    try {
      await cp(model?.directory ?? '', directory, { recursive: true })
      const path = join(directory, 'saved_model.pb')
      const whole = await readFile(path)
      for (let turn = 0; turn < MUTATIONS; turn++) {
        const bit = Math.floor((turn * whole.length * 8) / MUTATIONS)
        const damaged = Buffer.from(whole)
        damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        await writeFile(path, damaged)
        expect(await faultOf(directory), `bit ${bit}`).toBeUndefined()
      }
    } finally {
      await rm(directory, { recursive: true })
    }
  },
  LONG_MS_MAX,
)

/** What was neither read nor refused with a reason, or took too long. */
async function faultOf(directory: string): Promise<string | undefined> {
  const start = process.cpuUsage()
  const refusal = await inspectModel(directory).then(
    () => undefined,
    (error: unknown) => {
      const isRefused = error instanceof InferenceError && error.code === 'LOAD_FAILED'
      return isRefused ? undefined : `it throws ${String(error)}`
    },
  )
  const spentMs = process.cpuUsage(start).user / 1_000
  return spentMs > MS_MAX ? `it took ${spentMs} ms` : refusal
}
