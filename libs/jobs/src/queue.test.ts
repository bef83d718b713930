import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Queue } from 'bullmq'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { NudgeOf, QueueId } from './nudges.ts'
import { type NudgeQueue, openQueue } from './queue.ts'
import { type OpenedRedis, openRedis } from './redis.ts'
import { type Handle, startWorker } from './worker.ts'

const WAIT_MS_MAX = 30_000
/** Waits for a state, also on a busy machine. */
const until = async (isSo: () => unknown): Promise<void> => {
  await vi.waitUntil(isSo, { timeout: WAIT_MS_MAX, interval: 10 })
}

const WORKER = new URL('../dist/worker.fixture.js', import.meta.url).pathname
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const ROLLOUT = { name: 'rollout', fleet: 'main' } as const
const NUDGE = { fleet: 'main' }

let redis: OpenedRedis

beforeAll(async () => {
  redis = await openRedis(process.env.DROVER_REDIS_URL)
})

afterAll(async () => await redis[Symbol.asyncDispose]())

const somewhere = () => ({ url: redis.url, prefix: `{test-${randomUUID()}}` })
type Somewhere = ReturnType<typeof somewhere>

/** The queue as BullMQ shows it. */
function openRaw({ url, prefix }: Somewhere, name = 'rollout-main') {
  const raw = new Queue(name, { connection: { url }, prefix })
  return Object.assign(raw, { [Symbol.asyncDispose]: async () => await raw.close() })
}

/** A handler that ends when it is let go, and what it was called with. */
function makeGate() {
  const calls: { nudge: unknown; signal: AbortSignal }[] = []
  const gates: (() => void)[] = []
  const handle: Handle<typeof ROLLOUT> = async (nudge, signal) => {
    calls.push({ nudge, signal })
    await new Promise<void>((resolve, reject) => {
      gates.push(resolve)
      signal.addEventListener('abort', () => reject(new Error('told to stop')))
    })
  }
  return { calls, handle, open: () => gates.splice(0).forEach((go) => go()) }
}

/** The first one may come before a busy machine has connected. */
async function send<Q extends QueueId>(queue: NudgeQueue<Q>, nudge: NudgeOf<Q>): Promise<void> {
  await until(
    async () =>
      await queue.nudge(nudge).then(
        () => true,
        () => false,
      ),
  )
}

function collectErrors() {
  const errors: unknown[] = []
  return { errors, onError: (error: unknown) => void errors.push(error) }
}

/** What was reported where nothing may be. */
const faults: unknown[] = []
const noErrors = { onError: (error: unknown) => void faults.push(error) }

afterEach(() => {
  assert.deepEqual(faults.splice(0), [])
})

describe('a nudge', () => {
  test.each<[QueueId, NudgeOf<QueueId>]>([
    [{ name: 'train' }, { tenant: 'a', model: 'm', traceparent: TRACEPARENT }],
    [{ name: 'publish' }, { fleet: 'main' }],
    [{ name: 'publish' }, { fleet: 'main', tenant: 'a', model: 'm', version: 3 }],
    [ROLLOUT, { fleet: 'main', traceparent: TRACEPARENT }],
  ])('of %j reaches the worker of its queue', async (id, payload) => {
    const place = somewhere()
    const handled: unknown[] = []
    const handle = async (nudge: unknown) => void handled.push(nudge)
    await using worker = startWorker(id, place, handle, noErrors)
    await using queue = openQueue(id, place)

    await send(queue, payload)

    await until(() => handled.length > 0)
    expect(handled).toEqual([payload])
  })

  test.each([{ fleet: '../etc' }, { fleet: 'main', traceparent: 'mine' }, { fleet: '' }])(
    'that breaks its schema is not sent: %j',
    async (payload) => {
      const place = somewhere()
      await using queue = openQueue(ROLLOUT, place)
      await using raw = openRaw(place)

      await expect(queue.nudge(payload)).rejects.toMatchObject({ code: 'INVALID' })

      expect(await raw.getWaitingCount()).toBe(0)
    },
  )

  test('that breaks its schema at the worker fails for good, and the worker goes on', async () => {
    const place = somewhere()
    const { errors, onError } = collectErrors()
    await using raw = openRaw(place)
    await using worker = startWorker(ROLLOUT, place, async () => {}, { onError })

    await raw.add('nudge', { fleet: 7 }, { attempts: 5 })
    await raw.add('nudge', NUDGE)

    await until(async () => (await raw.getCompletedCount()) === 1)
    const [failed] = await raw.getFailed()
    expect(failed).toMatchObject({ data: { fleet: 7 }, attemptsMade: 1 })
    expect(failed?.failedReason).toContain('fleet')
    expect(errors).toHaveLength(1)
  })

  test('that equals a waiting one is that one, and comes once more after a running one', async () => {
    const place = somewhere()
    const gate = makeGate()
    await using queue = openQueue(ROLLOUT, place)
    for (let count = 0; count < 50; count++) await send(queue, NUDGE)
    await using worker = startWorker(ROLLOUT, place, gate.handle, noErrors)
    await until(() => gate.calls.length === 1)

    const traced = { ...NUDGE, traceparent: TRACEPARENT }
    for (let count = 0; count < 50; count++) await send(queue, count === 49 ? traced : NUDGE)
    gate.open()
    await until(() => gate.calls.length === 2)
    gate.open()

    await using raw = openRaw(place)
    await until(async () => (await raw.getCompletedCount()) === 2)
    expect(await raw.getJobCountByTypes('waiting', 'active', 'delayed', 'failed')).toBe(0)
    // The newest of those that came meanwhile.
    expect(gate.calls.map(({ nudge }) => nudge)).toEqual([NUDGE, traced])
  })

  test('whose handler throws is tried again', async () => {
    const place = somewhere()
    const { errors, onError } = collectErrors()
    let calls = 0
    const handle = async () => {
      if (++calls === 1) throw new Error('not now')
    }
    await using worker = startWorker(ROLLOUT, place, handle, { onError })
    await using queue = openQueue(ROLLOUT, place)

    await send(queue, NUDGE)

    await until(() => calls === 2)
    expect(errors).toMatchObject([{ message: 'not now' }])
  })

  test('is refused, and not waited with, while no Redis answers', async () => {
    const place = { url: 'unix:///nowhere/redis.sock' }
    await using queue = openQueue(ROLLOUT, place)

    await expect(queue.nudge(NUDGE)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('a worker that closes', () => {
  test('hands back what it works on, without losing an attempt', async () => {
    const place = somewhere()
    const gate = makeGate()
    await using queue = openQueue(ROLLOUT, place)
    const worker = startWorker(ROLLOUT, place, gate.handle, noErrors)
    await send(queue, NUDGE)
    await until(() => gate.calls.length === 1)

    await worker[Symbol.asyncDispose]()

    await using raw = openRaw(place)
    expect(gate.calls[0]?.signal.aborted).toBe(true)
    expect(await raw.getWaiting()).toMatchObject([{ data: NUDGE, attemptsMade: 0 }])
  })

  test('does not wait for a handler that never ends', async () => {
    const place = somewhere()
    let calls = 0
    await using queue = openQueue(ROLLOUT, place)
    const worker = startWorker(
      ROLLOUT,
      place,
      async () => {
        calls++
        await new Promise(() => {})
      },
      noErrors,
    )
    await send(queue, NUDGE)
    await until(() => calls === 1)

    await worker[Symbol.asyncDispose]()

    await using raw = openRaw(place)
    expect(await raw.getWaiting()).toMatchObject([{ data: NUDGE, attemptsMade: 0 }])
  })

  test('lets what ends in time be done', async () => {
    const place = somewhere()
    let calls = 0
    await using queue = openQueue(ROLLOUT, place)
    const handle: Handle<typeof ROLLOUT> = async (_nudge, signal) => {
      calls++
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    const worker = startWorker(ROLLOUT, place, handle, noErrors)
    await send(queue, NUDGE)
    await until(() => calls === 1)

    await worker[Symbol.asyncDispose]()

    await using raw = openRaw(place)
    expect(await raw.getCompletedCount()).toBe(1)
  })
})

describe('a worker that loses its nudge', () => {
  test('by kill -9 leaves it to another one', async () => {
    const place = somewhere()
    const lockMs = 600
    await using queue = openQueue(ROLLOUT, place)
    const child = spawn(process.execPath, [WORKER, place.url, place.prefix, String(lockMs)])
    await send(queue, NUDGE)
    await once(child.stdout, 'data')

    child.kill('SIGKILL')
    const gate = makeGate()
    await using worker = startWorker(ROLLOUT, place, gate.handle, { lockMs, ...noErrors })

    await until(() => gate.calls.length === 1)
    expect(gate.calls[0]?.nudge).toEqual(NUDGE)
    gate.open()
  })

  test('because its lock is gone is told by the signal', async () => {
    const place = somewhere()
    const gate = makeGate()
    const { errors, onError } = collectErrors()
    await using queue = openQueue(ROLLOUT, place)
    await using raw = openRaw(place)
    await using worker = startWorker(ROLLOUT, place, gate.handle, { lockMs: 600, onError })
    await send(queue, NUDGE)
    await until(() => gate.calls.length === 1)

    const [job] = await raw.getActive()
    const client = await raw.getBackend().client
    await client.del(`${place.prefix}:rollout-main:${job?.id}:lock`)

    await until(() => gate.calls[0]?.signal.aborted)
    expect(gate.calls[0]?.signal.reason).toBe('the lock was lost')
    expect(errors.map(String).join()).toContain('could not renew lock')
    await until(() => gate.calls.length === 2)
    gate.open()
  })
})
