import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeOutput, openContext, startLocal } from '@drover/drover'
import { z } from 'zod'

export type Context = Awaited<ReturnType<typeof openContext>>

/** Does something with a whole local Drover that is empty at first and gone afterwards. */
export async function withLocalDrover<T>(work: (context: Context) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  const output = { ...makeOutput(true), progress: () => {} }
  const { PATH: path = '' } = process.env
  const options = { home, ports: new Map(), redisUrl: undefined, path, userHome: homedir() }
  try {
    const running = await startLocal(
      {
        ...options,
        commandsFile: undefined,
        allowedOperations: undefined,
        store: undefined,
        aws: {},
      },
      output,
    )
    try {
      return await work(openContext(home, output, running.session))
    } finally {
      await running.stop()
    }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** The middle one, or the upper of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

/** Null: the restarter has not looked yet. */
const Live = z.object({
  channel: z.object({ live: z.object({ seq: z.int() }).optional() }).nullable(),
})

/** The seq of the live config; -1 before the first. */
export async function liveSeqOf({ restarter }: Context): Promise<number> {
  return (await restarter.get('/v1/status', Live)).channel?.live?.seq ?? -1
}
