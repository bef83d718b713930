import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type RedisServer, startRedisServer } from '@drover/jobs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { askAll, askAllTheTime } from '../support/ask.ts'
import { call, getTenant, putTenant } from '../support/call.ts'
import { type LocalDrover, makeHome, processesOf, startLocalDrover } from '../support/local.ts'
import { uploadRows, waitUntilServed } from '../support/models.ts'
import { makeCsv, makeRows, ROW } from '../support/rows.ts'

const TEST_MS_MAX = 180_000
/** A scan is a minute; what wakes the loop earlier may fail, and that must cost time only. */
const BACK_MS_MAX = 90_000
const Versions = z.object({
  models: z.object({ late: z.object({ newest: z.object({ version: z.int() }) }) }),
})

describe('a Redis that goes away', () => {
  let home: string
  let redis: RedisServer
  let drover: LocalDrover
  let lives = 0

  /** Starts it at the same address, with the files of a life before or with none. */
  async function startRedis(life: number): Promise<void> {
    const directory = join(home, `redis-${life}`)
    await mkdir(directory, { recursive: true })
    redis = await startRedisServer({ directory, socket: join(home, 'redis.sock') })
  }

  /** Declares a tenant whose rows are new to the store; gives the answer. */
  async function declare(tenant: string) {
    const spec = await uploadRows(drover, tenant, makeCsv(makeRows(150 + tenant.length)))
    return await putTenant(drover, tenant, spec)
  }

  beforeAll(async () => {
    home = await makeHome()
    const url = `unix://${join(home, 'redis.sock')}`
    vi.stubEnv('DROVER_REDIS_URL', url)
    // Not there yet: everything starts all the same.
    drover = await startLocalDrover(['--sample', 'none'], home)
  }, TEST_MS_MAX)

  afterAll(async () => {
    await drover[Symbol.asyncDispose]()
    await redis.stop()
    vi.unstubAllEnvs()
    await rm(home, { recursive: true, force: true })
  })

  test(
    'that comes after everything else is used from then on',
    { timeout: TEST_MS_MAX },
    async () => {
      // Redis comes only after the answer, which so cannot have waited for it.
      const answer = await declare('early')

      await startRedis(lives)

      expect(answer).toMatchObject({ status: 202, body: { queued: false } })
      await waitUntilServed(drover, 'early.late', BACK_MS_MAX)
      const answers = await askAll(drover, 'early.late', ROW)
      expect(answers[1]).toEqual(answers[0])
    },
  )

  test.each([
    ['on the same data', 'same', () => lives],
    ['empty', 'empty', () => ++lives],
  ])(
    'and comes back %s costs no prediction and no acknowledgement, and the loop catches up',
    { timeout: TEST_MS_MAX },
    async (_, tenant, nextLife) => {
      const stops = drover.up.servers.map(({ rest }) => askAllTheTime(rest, 'early.late', ROW))
      // One is in the queue when it goes, the other comes while it is away.
      const queued = await declare(`${tenant}-queued`)

      process.kill(redis.pid, 'SIGKILL')
      await redis.ended
      const during = await declare(`${tenant}-during`)
      const path = '/v1/rollback'
      const body = JSON.stringify({ tenant: 'early', model: 'late', version: 1 })
      const pinned = await call(drover, 'configPublisher', { method: 'POST', path, body })
      await startRedis(nextLife())

      expect(queued).toMatchObject({ status: 202, body: { queued: true } })
      expect(during).toMatchObject({ status: 202, body: { queued: false } })
      expect(pinned.status).toBeLessThan(300)
      await waitUntilServed(drover, `${tenant}-during.late`, BACK_MS_MAX)
      await waitUntilServed(drover, `${tenant}-queued.late`, BACK_MS_MAX)
      for (const stop of stops) expect(Object.keys(await stop())).toEqual(['200'])
    },
  )

  test(
    'and stays away keeps no pushed version from being served, and all is well when it returns',
    { timeout: TEST_MS_MAX },
    async () => {
      const folder = join(home, 'pushed')
      await mkdir(folder)
      await copyFile(
        join(home, 'store', 'models', 'early', 'late', '1', 'saved_model.pb'),
        join(folder, 'saved_model.pb'),
      )

      await redis.stop()
      const pushed = await drover.run('push', 'acme.ext', folder, '--no-wait')
      await waitUntilServed(drover, 'acme.ext', BACK_MS_MAX)
      const answers = await askAll(drover, 'acme.ext', ROW)
      await startRedis(lives)
      await declare('after')

      expect(pushed.code, pushed.stderr).toBe(0)
      expect(answers).toEqual(await askAll(drover, 'early.late', ROW))
      await waitUntilServed(drover, 'after.late', BACK_MS_MAX)
    },
  )

  test('has nothing trained twice', async () => {
    for (const tenant of ['early', 'same-queued', 'same-during', 'empty-queued', 'empty-during']) {
      const { models } = await getTenant(drover, tenant, Versions)
      expect({ tenant, version: models.late.newest.version }).toEqual({ tenant, version: 1 })
    }
  })

  test('keeps no part from its end', { timeout: TEST_MS_MAX }, async () => {
    await redis.stop()
    expect(drover.process.exitCode).toBeNull()

    expect(await drover.interrupt()).toEqual({ exitCode: 0, signalCode: null })

    expect(await processesOf(home)).toEqual([])
  })
})
