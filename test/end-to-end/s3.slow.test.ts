import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from '@drover/model-store'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { makeHome, processesOf, type Ran, runDrover } from '../support/local.ts'
import { isS3There, startS3 } from '../support/s3.ts'

const RUN_MS_MAX = 15 * 60_000
const AIRPORTS = 4
const Result = z.object({
  tenants: z.array(z.string()).length(AIRPORTS),
  served: z.array(z.string()),
  rejected: z.array(z.string()),
  predictions: z.array(z.object({ server: z.string(), prediction: z.unknown() })),
})

describe.skipIf(!isS3There())('a store on S3', () => {
  let s3: Awaited<ReturnType<typeof startS3>>
  let home: string
  let first: Ran
  let again: Ran

  beforeAll(async () => {
    s3 = await startS3()
    home = await makeHome()
    vi.stubEnv('DROVER_STORE', s3.locationOf('up'))
    const up = ['up', '--once', '--json', '--airports', `${AIRPORTS}`]
    first = await runDrover(home, ...up)
    again = await runDrover(home, ...up)
  }, RUN_MS_MAX)

  afterAll(async () => {
    vi.unstubAllEnvs()
    await s3[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  })

  test('carries the whole loop: trained, judged, published, served by both servers', () => {
    expect(first.code, first.stderr).toBe(0)
    const { served, rejected, predictions } = Result.parse(JSON.parse(first.stdout))

    expect(served.length).toBeGreaterThanOrEqual(1)
    expect(served.length + rejected.length).toBe(AIRPORTS)
    expect(predictions.map(({ server }) => server)).toEqual(['tf-server-1', 'tf-server-2'])
    expect(predictions[0]?.prediction).toEqual(predictions[1]?.prediction)
  })

  test('is where everything is, and no directory is made beside it', async () => {
    await using store = await openStore(s3.locationOf('up'), { create: false })

    expect(await store.list('')).toEqual(expect.arrayContaining(['fleets', 'models', 'tenants']))
    expect(await readdir(home)).not.toContain('store')
  })

  test('is gone on with by the next Drover, which trains nothing twice', () => {
    expect(again.code, again.stderr).toBe(0)
    const [before, after] = [first, again].map(({ stdout }) => Result.parse(JSON.parse(stdout)))

    expect(after?.served.toSorted()).toEqual(before?.served.toSorted())
    expect(again.stderr).not.toContain('  training')
  })

  test('leaves its secret in no log', async () => {
    const logs = await readdir(join(home, 'logs'))
    expect(logs.length).toBeGreaterThan(0)
    for (const log of logs) {
      expect(await readFile(join(home, 'logs', log), 'utf8'), log).not.toContain(s3.secretAccessKey)
    }
  })

  test('leaves no process behind', async () => {
    expect(await processesOf(home)).toEqual([])
  })
})
