import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { answerOf, type Place, prefixOf, senderOf } from './connection.ts'

const LOOK_MS = 2_000

export interface RedisWatcher {
  /** Redis is back: `empty` when what was queued is gone, so that everything has to be looked at. */
  onReturn: (empty: boolean) => void
}

/**
 * Tells when Redis came back, or was emptied under our feet. Each Redis carries a random mark; who
 * finds another mark than before, or none, knows that it is another one.
 */
export function watchRedis(place: Place, { onReturn }: RedisWatcher): AsyncDisposable {
  const key = `${prefixOf(place)}:mark`
  const redis = new Redis(place.url, senderOf(place).options)
  let known: string | undefined
  let wasAway = false
  let looking: Promise<void> | undefined

  async function look(): Promise<void> {
    const fresh = randomUUID()
    const present = await redis.set(key, fresh, 'NX', 'GET')
    const mark = present ?? fresh
    // Who has not looked before it went away cannot know, and a look too many costs only time.
    const isEmpty = mark !== known
    const isNews = wasAway || (known !== undefined && isEmpty)
    known = mark
    wasAway = false
    if (isNews) onReturn(isEmpty)
  }

  const check = (): void => {
    // Away or slow: the next look, or the next connection, tells.
    looking ??= look()
      .catch(() => void (wasAway = true))
      .finally(() => (looking = undefined))
  }
  redis.on('error', () => (wasAway = true))
  redis.on('close', () => (wasAway = true))
  redis.on('ready', check)
  const timer = setInterval(check, LOOK_MS)
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await answerOf('end the watch', async () => await looking).catch(() => {})
      redis.disconnect()
    },
  }
}
