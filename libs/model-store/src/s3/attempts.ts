import { setTimeout as delay } from 'node:timers/promises'
import { ModelStoreError } from '../store.ts'
import { S3Failure, toFailure } from './failure.ts'

/** How long the store on S3 waits for what, and how often it tries. */
export interface Limits {
  /** For a connection. */
  connectMs: number
  /** Without a byte in either direction, and for the answer once all is sent. */
  idleMs: number
  /** For one operation with all its attempts; files get more by their size. */
  wholeMs: number
  /** How often a request is made in all, also after a 409, a 429, a 5xx and a cut connection. */
  attemptsMax: number
  /** The longest wait after the first attempt; it doubles with each. */
  backoffMs: number
}

export const LIMITS: Limits = {
  connectMs: 5_000,
  idleMs: 20_000,
  wholeMs: 60_000,
  attemptsMax: 6,
  backoffMs: 100,
}
/**
 * For whoever has all that it needs on a disk of its own, and would rather go on with that than wait:
 * a store whose connections open and then say nothing is away after 8 seconds, and not after a minute.
 */
export const LIMITS_OF_CACHED: Partial<Limits> = {
  connectMs: 2_000,
  idleMs: 4_000,
  wholeMs: 8_000,
}
const BACKOFF_MS_MAX = 5_000

/** Ends a request that stands still or takes too long in all. */
export class Patience implements Disposable {
  /** Something moved. */
  readonly renew = (): void => void this.#idle.refresh()
  readonly signal: AbortSignal
  readonly #idle: NodeJS.Timeout

  constructor(whole: AbortSignal, idleMs: number) {
    const controller = new AbortController()
    this.#idle = setTimeout(() => controller.abort(), idleMs)
    this.signal = AbortSignal.any([controller.signal, whole])
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idle)
  }
}

/**
 * Makes an attempt until it succeeds, fails for good, or the limits are reached. Whoever attempts a
 * write must know what to make of an earlier attempt whose answer was lost.
 */
export async function retry<T>(
  { idleMs, wholeMs, attemptsMax, backoffMs }: Limits,
  attempt: (patience: Patience) => Promise<T>,
): Promise<T> {
  const whole = AbortSignal.timeout(wholeMs)
  for (let made = 1; ; made++) {
    try {
      using patience = new Patience(whole, idleMs)
      return await attempt(patience)
    } catch (error) {
      if (error instanceof ModelStoreError) throw error
      const failure = toFailure(error)
      if (!failure.isPassing || made >= attemptsMax || whole.aborted) throw failure
      await pause(made, backoffMs, whole)
    }
  }
}

/** Waits a random part of a time that doubles, so that those who collided do not do so again. */
async function pause(made: number, backoffMs: number, whole: AbortSignal): Promise<void> {
  const longest = Math.min(BACKOFF_MS_MAX, backoffMs * 2 ** (made - 1))
  await delay(Math.random() * longest, undefined, { signal: whole }).catch((cause: unknown) => {
    throw new S3Failure(cause)
  })
}
