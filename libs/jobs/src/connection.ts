import { setTimeout as wait } from 'node:timers/promises'
import { JobsCode, JobsError } from './failure.ts'

const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1_000
const RETRY_JITTER_MS = 100
/** Longest wait of whoever sends: less than a second in all. */
const ANSWER_MS_MAX = 800
/** Twice the longest block of a worker: a Redis that hangs is noticed. */
const SILENCE_MS_MAX = 30_000

/** How long each step of a closing may take; longer than the longest wait between two tries. */
const CLOSE_MS_MAX = 2_000
const LOOK_MS = 10

/** Where the queues are. `prefix` parts those who share a Redis; `{drover}` unless told. */
export interface Place {
  url: string
  prefix?: string
}

const DEFAULT_PREFIX = '{drover}'

export const prefixOf = ({ prefix = DEFAULT_PREFIX }: Place): string => prefix

/** The way to have a connection not opened again. */
interface Ending {
  giveUp: () => void
}

/** The options of one connection. */
function makeConnection<T extends object>(url: string, options: T) {
  let isGivenUp = false
  const retryStrategy = (times: number) => (isGivenUp ? null : retryMs(times))
  return {
    options: { ...options, url, retryStrategy },
    giveUp: () => {
      isGivenUp = true
    },
  }
}

/** Soon at first, then every second; spread, so that a fleet does not come back as one. */
function retryMs(times: number): number {
  const waitMs = Math.min(RETRY_MS_MIN * 2 ** Math.min(times, 10), RETRY_MS_MAX)
  return waitMs + Math.random() * RETRY_JITTER_MS
}

/** For whoever sends: nothing is kept for later, an answer comes soon or not at all. */
export const senderOf = ({ url }: Place) =>
  makeConnection(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: ANSWER_MS_MAX,
  })

/** For whoever takes work: commands wait until Redis is back. */
export const takerOf = ({ url }: Place) =>
  makeConnection(url, { maxRetriesPerRequest: null, socketTimeout: SILENCE_MS_MAX })

/** What of BullMQ's parts has to be known to close them. */
interface Closable {
  getBackend(): {
    client: Promise<{ status: string }>
    blockingClient?: Promise<{ status: string }> | undefined
  }
  close(): Promise<void>
}

/**
 * Closes a part of BullMQ, in bounded time also while Redis is away. ioredis never says that it
 * ended when it is disconnected between two tries, and BullMQ waits for that: so first the
 * connections have to be there or to have ended.
 */
export async function closePart(part: Closable, { giveUp }: Ending): Promise<void> {
  giveUp()
  const { client, blockingClient } = part.getBackend()
  await inTime(
    CLOSE_MS_MAX,
    Promise.all([client, blockingClient].map(async (each) => await settle(each))),
  )
  await inTime(CLOSE_MS_MAX, part.close())
}

async function settle(client: Promise<{ status: string }> | undefined): Promise<void> {
  try {
    const connection = await client
    for (let looks = 0; looks < CLOSE_MS_MAX / LOOK_MS; looks++) {
      if (connection === undefined || ['ready', 'end'].includes(connection.status)) return
      await wait(LOOK_MS)
    }
  } catch {
    // It ended before it was ever there.
  }
}

/** Waits for the end of something, whatever that is, and not longer than told. */
async function inTime(ms: number, end: Promise<unknown>): Promise<void> {
  const timer = new AbortController()
  const late = wait(ms, undefined, { signal: timer.signal }).catch(() => {})
  await Promise.race([end.catch(() => {}), late])
  timer.abort()
}

/** The result, or UNAVAILABLE when it takes too long or fails. */
export async function answerOf<T>(doing: string, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ANSWER_MS_MAX)
  })
  try {
    return await Promise.race([call(), late])
  } catch (cause) {
    if (cause instanceof JobsError) throw cause
    throw new JobsError(JobsCode.UNAVAILABLE, `cannot ${doing} now`, { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** What of a client has to be known to wait for it. */
interface Awaitable {
  status: string
  once(event: 'ready', listener: () => void): unknown
}

/** Waits until a connection can be written to, with one listener however many wait. */
export function readyOf(redis: Awaitable): () => Promise<void> {
  let becoming: Promise<void> | undefined
  return async () => {
    if (redis.status === 'ready') return
    becoming ??= new Promise<void>((resolve) => redis.once('ready', resolve)).finally(
      () => (becoming = undefined),
    )
    await becoming
  }
}
