import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { z } from 'zod'
import { askAll } from './ask.ts'
import { call } from './call.ts'
import type { LocalDrover } from './local.ts'
import { FLIGHTS, makeCsv, ROW } from './rows.ts'

const Staged = z.object({ name: z.string(), stage: z.string(), note: z.string() })
const Waited = z.object({ models: z.tuple([Staged]) })

/** What a command that waits for one model said at its end, and its exit code. */
export interface Settled {
  code: number
  stage: string
  note: string
}

/** Runs a command that waits for one model. Throws when it said nothing of a model. */
export async function settle(drover: LocalDrover, ...command: string[]): Promise<Settled> {
  const { code, stdout, stderr } = await drover.run(...command, '--json')
  if (stdout === '') throw new Error(`drover ${command.join(' ')} exited with ${code}: ${stderr}`)
  const [{ stage, note }] = Waited.parse(JSON.parse(stdout)).models
  return { code, stage, note }
}

/** Writes a file of rows into the home of a Drover; gives its path. */
export async function writeRows({ home }: LocalDrover, name: string, csv: string): Promise<string> {
  const path = join(home, name)
  await writeFile(path, csv)
  return path
}

/** The arguments by which a model `late` is onboarded with a file of rows. */
export const onboardLate = (tenant: string, path: string, recipe: object = FLIGHTS): string[] => {
  const how = ['--recipe', JSON.stringify(recipe), '--data', path]
  return ['onboard', tenant, '--model', 'late', ...how]
}

/** Onboards a tenant that does nothing wrong; gives a check that both servers answer it as at first. */
export async function startNeighbour(drover: LocalDrover): Promise<() => Promise<void>> {
  const path = await writeRows(drover, 'neighbour.csv', makeCsv())
  const { note } = await settle(drover, ...onboardLate('neighbour', path))
  expect(note).toContain('2 of 2')
  const first = await askAll(drover, 'neighbour.late', ROW)
  return async () => expect(await askAll(drover, 'neighbour.late', ROW)).toEqual(first)
}

/** Uploads rows for a tenant's model `late`, and gives the spec that trains on them. */
export async function uploadRows(drover: LocalDrover, tenant: string, csv: string) {
  const upload = createHash('sha256').update(csv).digest('hex')
  const path = `/v1/data/${tenant}/late/${upload}`
  const sent = { method: 'PUT', path, body: csv, headers: {} } as const
  const { status } = await call(drover, 'trainerScheduler', sent)
  if (status !== 201) throw new Error(`the upload was answered by ${status}`)
  return { models: { late: { recipe: FLIGHTS, data: { upload } } } }
}

const Status = z.object({ models: z.array(Staged) })

/** Waits until a model is served, as `drover status` says. Throws with what it said last. */
export async function waitUntilServed(
  drover: LocalDrover,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const [tenant = ''] = name.split('.')
  const read = async () => {
    const { models } = await drover.json(Status, 'status', tenant)
    return models.find((model) => model.name === name)
  }
  await expect
    .poll(read, { timeout: timeoutMs, interval: 500 })
    .toMatchObject({ stage: 'served', note: expect.stringContaining('2 of 2') })
}
