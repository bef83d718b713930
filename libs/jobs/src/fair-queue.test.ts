import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { JobsError } from './failure.ts'
import { type FairQueue, openFairQueue } from './fair-queue.ts'
import { type OpenedRedis, openRedis } from './redis.ts'
import { startWorker } from './worker.ts'

const WAIT_MS_MAX = 30_000
/** Waits for a state, also on a busy machine. */
const until = async (isSo: () => unknown): Promise<void> => {
  await vi.waitUntil(isSo, { timeout: WAIT_MS_MAX, interval: 10 })
}

const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

let redis: OpenedRedis

beforeAll(async () => {
  redis = await openRedis(process.env.DROVER_REDIS_URL)
})

afterAll(async () => await redis[Symbol.asyncDispose]())

const somewhere = () => ({ url: redis.url, prefix: `{test-${randomUUID()}}` })
/** What was reported where nothing may be. */
const faults: unknown[] = []
const onError = (error: unknown) => void faults.push(error)

afterEach(() => {
  assert.deepEqual(faults.splice(0), [])
})

interface Wish {
  tenant: string
  model?: string
  weight?: number
  onboarding?: boolean
}

async function ask(queue: FairQueue, wish: Wish): Promise<void> {
  const defaults = { model: 'm', weight: 1, onboarding: false, traceparent: TRACEPARENT }
  // The first one may come before a busy machine has connected.
  await until(async () => {
    try {
      await queue.request({ ...defaults, ...wish })
      return true
    } catch (error) {
      if (error instanceof JobsError && error.code === 'UNAVAILABLE') return false
      throw error
    }
  })
}

const askFor = async (queue: FairQueue, count: number, wish: Wish) => {
  for (let index = 0; index < count; index++) await ask(queue, { ...wish, model: `m${index}` })
}

/** Runs what is handed on, one at a time, until nothing waits; the tenants in the order of runs. */
async function runAll(
  place: ReturnType<typeof somewhere>,
  queue: FairQueue,
  { costs = {}, weights = {}, onRun = async () => {} }: Runs = {},
): Promise<string[]> {
  const order: string[] = []
  await using worker = startWorker(
    { name: 'train' },
    place,
    async ({ tenant, model }) => {
      order.push(tenant)
      const [costMs, weight] = [costs[tenant] ?? 1_000, weights[tenant] ?? 1]
      await queue.finished({ tenant, model, costMs, weight })
      await onRun(order.length, tenant)
    },
    { onError },
  )
  await queue.feed()
  await using raw = openRaw(place)
  await until(
    async () =>
      (await queue.waiting()) === 0 && (await raw.getJobCountByTypes('waiting', 'active')) === 0,
  )
  return order
}

interface Runs {
  costs?: Record<string, number>
  weights?: Record<string, number>
  onRun?: (count: number, tenant: string) => Promise<void>
}

function openRaw({ url, prefix }: ReturnType<typeof somewhere>) {
  const raw = new Queue('train', { connection: { url }, prefix })
  return Object.assign(raw, { [Symbol.asyncDispose]: async () => await raw.close() })
}

const count = (order: string[], tenant: string) => order.filter((each) => each === tenant).length

describe('the order of runs', () => {
  test('is that of arrival within a tenant', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    await askFor(queue, 3, { tenant: 'a' })
    const models: string[] = []
    await using worker = startWorker(
      { name: 'train' },
      place,
      async ({ model }) => void models.push(model),
      { onError },
    )

    await queue.feed()

    await until(() => models.length === 3)
    expect(models).toEqual(['m0', 'm1', 'm2'])
  })

  test('takes turns, so that a flooder holds nobody up', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    await askFor(queue, 100, { tenant: 'flooder' })

    const order = await runAll(place, queue, {
      onRun: async (runs) => {
        if (runs === 30) await askFor(queue, 3, { tenant: 'quiet' })
      },
    })

    expect(count(order, 'flooder')).toBe(100)
    // It rejoins at the current time: soon, and not with a credit for having been idle.
    expect(order.slice(30, 38).filter((tenant) => tenant === 'quiet')).toHaveLength(3)
    expect(order.slice(30, 33)).toContain('flooder')
  })

  test('does not starve who waits behind a tenant that keeps coming back', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    await askFor(queue, 40, { tenant: 'patient' })
    await ask(queue, { tenant: 'busy' })

    const order = await runAll(place, queue, {
      onRun: async (runs) => {
        if (runs < 40) await ask(queue, { tenant: 'busy', model: `again-${runs}` })
      },
    })

    expect(count(order.slice(0, 40), 'patient')).toBeGreaterThanOrEqual(19)
    expect(count(order.slice(0, 40), 'patient')).toBeLessThanOrEqual(21)
  })

  test('gives a tenant of weight 4 four times as much', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    await askFor(queue, 60, { tenant: 'heavy', weight: 4 })
    await askFor(queue, 60, { tenant: 'light' })

    const order = await runAll(place, queue, { weights: { heavy: 4 } })

    expect(count(order.slice(0, 50), 'heavy')).toBe(40)
  })

  test('counts what runs cost, not how many there are', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    await askFor(queue, 50, { tenant: 'slow' })
    await askFor(queue, 50, { tenant: 'swift' })

    const order = await runAll(place, queue, { costs: { slow: 4_000, swift: 1_000 } })

    const early = order.slice(0, 50)
    expect(count(early, 'slow')).toBeGreaterThanOrEqual(9)
    expect(count(early, 'slow')).toBeLessThanOrEqual(12)
  })

  test('puts onboarding first, and every fourth run is for the others', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    await askFor(queue, 8, { tenant: 'old' })
    for (let index = 0; index < 12; index++) {
      await ask(queue, { tenant: `new-${index}`, onboarding: true })
    }

    const order = await runAll(place, queue)

    const isOld = order.map((tenant) => tenant === 'old')
    expect(isOld.slice(0, 4)).toEqual([false, false, false, true])
    expect(isOld.slice(0, 16).filter(Boolean)).toHaveLength(4)
  })
})

describe('a request', () => {
  test('that is newer replaces the waiting one, in its place', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 2, onError })
    await using raw = openRaw(place)
    await ask(queue, { tenant: 'a' })
    await ask(queue, { tenant: 'b' })
    const traceparent = TRACEPARENT.replace('a', 'c')

    await queue.request({ tenant: 'a', model: 'm', weight: 1, onboarding: false, traceparent })

    expect(await queue.waiting()).toBe(2)
    expect(await queue.feed()).toBe(2)
    const jobs = await raw.getWaiting()
    expect(jobs.map(({ data }) => data)).toContainEqual({ tenant: 'a', model: 'm', traceparent })
  })

  test('that becomes an onboarding goes before the others', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    await ask(queue, { tenant: 'a' })
    await ask(queue, { tenant: 'b' })
    await ask(queue, { tenant: 'b', onboarding: true })

    expect(await queue.waiting()).toBe(2)

    expect(await runAll(place, queue)).toEqual(['b', 'a'])
  })

  test('stays where it is while all slots are taken', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 2, onError })
    await askFor(queue, 5, { tenant: 'a' })

    expect(await queue.feed()).toBe(2)
    expect(await queue.feed()).toBe(0)

    expect(await queue.waiting()).toBe(3)
  })

  test('fed by many at once is handed on once', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 50, onError })
    await using other = openFairQueue(place, { slots: 50, onError })
    await using raw = openRaw(place)
    await askFor(queue, 40, { tenant: 'a' })

    await Promise.all(Array.from({ length: 10 }, async () => [queue.feed(), other.feed()]).flat())

    await until(async () => (await raw.getWaitingCount()) === 40)
    expect(await queue.waiting()).toBe(0)
  })

  test('whose feeder died in between is handed back after half a minute', async () => {
    const place = somewhere()
    await using queue = openFairQueue(place, { slots: 1, onError })
    const client = new Redis(place.url)
    // As the feed leaves it that died between taking and handing on, 31 seconds ago.
    const wish = { tenant: 'a', model: 'm', weight: 1, onboarding: true, traceparent: TRACEPARENT }
    await client.zadd(`${place.prefix}:fair:lease`, Date.now() - 31_000, 'a.m')
    await client.hset(`${place.prefix}:fair:leased`, 'a.m', `o${JSON.stringify(wish)}`)
    client.disconnect()

    expect(await runAll(place, queue)).toEqual(['a'])
  })

  test.each([
    { tenant: 'A' },
    { tenant: 'a', weight: 0 },
    { tenant: 'a', weight: Number.NaN },
    { tenant: 'a', model: 'x:y' },
  ])('that breaks the rules is refused: %j', async (wish) => {
    await using queue = openFairQueue(somewhere(), { slots: 1, onError })

    await expect(ask(queue, wish)).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('is refused, and not waited with, while no Redis answers', async () => {
    const place = { url: 'unix:///nowhere/redis.sock' }
    await using queue = openFairQueue(place, { slots: 1 })

    const request = { tenant: 'a', model: 'm', weight: 1, onboarding: false }
    const asked = queue.request({ ...request, traceparent: TRACEPARENT })
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
