import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openFairQueue } from './fair-queue.ts'
import { openQueue } from './queue.ts'
import { openRedis } from './redis.ts'
import { type RedisServer, startRedisServer } from './server.ts'
import { watchRedis } from './watch.ts'
import { startWorker } from './worker.ts'

const WAIT_MS_MAX = 30_000
/** Waits for a state, also on a busy machine. */
const until = async (isSo: () => unknown): Promise<void> => {
  await vi.waitUntil(isSo, { timeout: WAIT_MS_MAX, interval: 10 })
}

const PARENT = new URL('../dist/parent.fixture.js', import.meta.url).pathname
const ROLLOUT = { name: 'rollout', fleet: 'main' } as const
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

let folder: string
let servers: RedisServer[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-redis-test-'))
})

afterAll(async () => {
  await Promise.all(servers.map(async (server) => await server.stop()))
  await rm(folder, { recursive: true })
})

async function makeDirectory(name: string): Promise<string> {
  const directory = join(folder, name)
  await mkdir(directory)
  return directory
}

async function start(directory: string): Promise<RedisServer> {
  const server = await startRedisServer({ directory, socket: join(directory, 'redis.sock') })
  servers.push(server)
  return server
}

async function kill(server: RedisServer): Promise<void> {
  process.kill(server.pid, 'SIGKILL')
  await server.ended
}

/** Also what is queued is gone. */
async function startEmpty(directory: string): Promise<RedisServer> {
  await rm(directory, { recursive: true })
  await mkdir(directory)
  return await start(directory)
}

async function talkTo<T>(url: string, talk: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url)
  try {
    return await talk(redis)
  } finally {
    redis.disconnect()
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('a private server', () => {
  test('never evicts, writes down what it is told and listens on its socket only', async () => {
    const directory = await makeDirectory('settings')
    const { url } = await start(directory)

    const settings = await talkTo(url, async (redis) => [
      await redis.config('GET', 'maxmemory-policy'),
      await redis.config('GET', 'appendonly'),
      await redis.config('GET', 'port'),
    ])

    expect(settings.flat().join(' ')).toBe('maxmemory-policy noeviction appendonly yes port 0')
    expect((await stat(join(directory, 'redis.sock'))).mode & 0o777).toBe(0o700)
  })

  test('keeps what it was told when it is stopped', async () => {
    const directory = await makeDirectory('kept')
    const first = await start(directory)
    await talkTo(first.url, async (redis) => await redis.set('key', 'value'))

    await first.stop()
    const second = await start(directory)

    expect(await first.ended).toEqual({ code: 0, signal: null })
    expect(await talkTo(second.url, async (redis) => await redis.get('key'))).toBe('value')
  })

  test('ends with its parent, also when that is killed', async () => {
    const directory = await makeDirectory('orphan')
    const parent = spawn(process.execPath, [PARENT, directory, join(directory, 'redis.sock')])
    const [output] = await once(parent.stdout, 'data')
    const pid = Number(output)
    expect(isRunning(pid)).toBe(true)

    parent.kill('SIGKILL')

    await until(() => !isRunning(pid))
  })

  test('waits for the one of an earlier start on the same files', async () => {
    const directory = await makeDirectory('earlier')
    const first = await start(directory)
    await talkTo(first.url, async (redis) => await redis.set('key', 'value'))

    const second = start(directory)
    await first.stop()

    const { url } = await second
    expect(await talkTo(url, async (redis) => await redis.get('key'))).toBe('value')
  })

  test('says what is wrong when it cannot start', async () => {
    const directory = await makeDirectory('refused')
    const socket = join(directory, 'no', 'redis.sock')

    await expect(startRedisServer({ directory, socket })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'redis-server did not start',
      cause: { message: expect.stringMatching(/ended with \d+/) },
    })
  })

  test('has a socket that the kernel takes, however long the directory is', async () => {
    const directory = join(folder, 'long'.repeat(30))
    const socket = join(directory, 'redis.sock')
    await expect(startRedisServer({ directory, socket })).rejects.toMatchObject({ code: 'INVALID' })

    const redis = await openRedis(undefined, { directory })
    const answer = await talkTo(redis.url, async (client) => await client.ping())
    await redis[Symbol.asyncDispose]()

    expect(answer).toBe('PONG')
    expect(redis.url.length).toBeLessThan(104)
    expect(await readdir(directory)).toContain('appendonlydir')
  })
})

describe('when Redis comes back after kill -9', () => {
  const cases = [
    { how: 'with its data', restart: start, empty: false },
    { how: 'empty', restart: startEmpty, empty: true },
  ]

  test.each(cases)('$how, queues and workers go on', async ({ how, restart }) => {
    const directory = await makeDirectory(`go-on-${how.length}`)
    const first = await start(directory)
    const place = { url: first.url }
    const handled: unknown[] = []
    const onError = vi.fn<(error: unknown) => void>()
    await using worker = startWorker(
      ROLLOUT,
      place,
      async (nudge) => void handled.push(nudge.fleet),
      { onError },
    )
    await using queue = openQueue(ROLLOUT, place)
    await using fair = openFairQueue(place, { slots: 5 })
    const request = { tenant: 'a', model: 'm', weight: 1, onboarding: true }
    await until(async () => await sent(queue.nudge({ fleet: 'before' })))
    await until(async () => await sent(fair.request({ ...request, traceparent: TRACEPARENT })))
    await until(() => handled.length === 1)

    await kill(first)
    await expect(queue.nudge({ fleet: 'away' })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await restart(directory)

    await until(async () => await sent(queue.nudge({ fleet: 'after' })))
    await until(() => handled.includes('after'))
    const again = { ...request, model: 'n', traceparent: TRACEPARENT }
    await until(async () => await sent(fair.request(again)))
    await using raw = new RawTrain(first.url)
    await until(async () => (await raw.fed()).includes('a.n'))
  })

  test.each(cases)('$how, the watch says so', async ({ how, restart, empty }) => {
    const directory = await makeDirectory(`watch-${how.length}`)
    const first = await start(directory)
    const returns: boolean[] = []
    await using watch = watchRedis(
      { url: first.url },
      { onReturn: (isEmpty) => void returns.push(isEmpty) },
    )
    await using other = watchRedis(
      { url: first.url },
      { onReturn: (isEmpty) => void returns.push(isEmpty) },
    )
    // Twice each: on a busy machine the first answer may come too late to be known.
    await until(async () => (await looksAt(first.url)) >= 4)
    expect(returns).toEqual([])

    await wrote(directory)
    await kill(first)
    await restart(directory)

    await until(() => returns.length === 2)
    expect(returns).toEqual([empty, empty])
  })

  test('the watch also sees that it was emptied while it ran', async () => {
    const { url } = await start(await makeDirectory('flushed'))
    const returns: boolean[] = []
    await using watch = watchRedis({ url }, { onReturn: (isEmpty) => void returns.push(isEmpty) })
    await until(async () => (await looksAt(url)) >= 1)

    await talkTo(url, async (redis) => await redis.flushall())

    await until(() => returns.length === 1)
    expect(returns).toEqual([true])
  })
})

describe('while Redis is away', () => {
  test('everything closes, whatever a handler does', async () => {
    const server = await start(await makeDirectory('close'))
    const place = { url: server.url }
    let isTaken = false
    const handle = async (): Promise<void> => {
      isTaken = true
      await new Promise(() => {})
    }
    const queue = openQueue(ROLLOUT, place)
    const opened: AsyncDisposable[] = [
      startWorker(ROLLOUT, place, handle, { onError: () => {} }),
      openFairQueue(place, { slots: 1 }),
      watchRedis(place, { onReturn: () => {} }),
      queue,
    ]
    await until(async () => await sent(queue.nudge({ fleet: 'main' })))
    await until(() => isTaken)
    await kill(server)

    const closed = opened.map(async (each) => await each[Symbol.asyncDispose]())

    await expect(Promise.all(closed)).resolves.toHaveLength(opened.length)
  })
})

/** How often a watch has looked. */
async function looksAt(url: string): Promise<number> {
  const stats = await talkTo(url, async (redis) => await redis.info('commandstats'))
  return Number(/cmdstat_set:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

/** The trainings that were handed on, and nobody works on. */
class RawTrain implements AsyncDisposable {
  readonly #queue: Queue

  constructor(url: string) {
    this.#queue = new Queue('train', { connection: { url }, prefix: '{drover}' })
  }

  async fed(): Promise<string[]> {
    const jobs = await this.#queue.getWaiting()
    return jobs.map(({ data }) => `${data.tenant}.${data.model}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close()
  }
}

const sent = async (nudge: Promise<void>): Promise<boolean> =>
  await nudge.then(
    () => true,
    () => false,
  )

/** `appendfsync everysec` may lose the last second, which is not what is tested here. */
async function wrote(directory: string): Promise<void> {
  const files = join(directory, 'appendonlydir')
  await until(async () => {
    const names = (await readdir(files)).filter((name) => name.endsWith('.incr.aof'))
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(files, name))).size))
    return sizes.some((size) => size > 0)
  })
}
