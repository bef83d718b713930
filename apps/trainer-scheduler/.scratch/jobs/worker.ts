import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq'
import { closePart, type Place, prefixOf, takerOf } from './connection.ts'
import { JobsError, makeReporter } from './failure.ts'
import { type NudgeOf, parseNudge, type QueueId, queueNameOf } from './nudges.ts'

/** Short, since the work is in another process: what a crashed worker had is tried again soon. */
const LOCK_MS = 15_000
const STALLED_CHECKS_PER_LOCK = 3
/** How often a job may lose its worker, and how often it may be started for whatever reason. */
const STALLED_MAX = 2
const STARTED_MAX = 5
const RETRY_MS = 500
const BLOCK_S_MAX = 5
/** How long a handler may take to end when it is told to. */
const STOP_MS_MAX = 1_500

export interface WorkerOptions {
  /** How many nudges are handled at a time; 1 unless told. */
  concurrency?: number
  /** How long a worker that is gone keeps its nudges from others; 15 s unless told. */
  lockMs?: number
  /** Hears of faults, the same one at most every ten seconds. */
  onError: (error: unknown) => void
}

const CLOSING = new Error('the worker closes')

/** A nudge that is worked on: how to tell its handler to end, and how to end without it. */
interface Running {
  controller: AbortController
  giveUp: () => void
}

/**
 * What is done with a nudge. The signal says that the result is not wanted any more, because the
 * lock was lost or the worker closes: throw then. What it throws is tried again, three times in all.
 */
export type Handle<Q extends QueueId> = (nudge: NudgeOf<Q>, signal: AbortSignal) => Promise<void>

/**
 * The working side of a queue; goes on by itself when Redis comes back. A payload that breaks its
 * schema fails for good, since another try cannot mend it. Closing hands running jobs back.
 */
export function startWorker<Q extends QueueId>(
  queue: Q,
  place: Place,
  handle: Handle<Q>,
  { concurrency = 1, lockMs = LOCK_MS, onError }: WorkerOptions,
): AsyncDisposable {
  const report = makeReporter(onError)
  const running = new Set<Running>()
  let isClosing = false

  // BullMQ passes a signal only to a function that declares three parameters.
  async function work(job: Job<unknown, void>, token: string | undefined, lost?: AbortSignal) {
    const controller = new AbortController()
    lost?.addEventListener('abort', () => controller.abort(lost.reason), { once: true })
    try {
      const nudge = parsed(queue, job.data)
      if (isClosing) throw CLOSING
      await new Promise<void>((resolve, reject) => {
        const entry = { controller, giveUp: () => reject(CLOSING) }
        running.add(entry)
        void handle(nudge, controller.signal)
          .then(resolve, reject)
          .finally(() => running.delete(entry))
      })
    } catch (error) {
      if (!isClosing || error instanceof UnrecoverableError) throw error
      // Back to the front of the queue, as if it had not been taken.
      await job.moveToWait(token)
      throw new WaitingError()
    }
  }

  const connection = takerOf(place)
  const worker = new Worker<unknown, void>(queueNameOf(queue), work, {
    connection: connection.options,
    prefix: prefixOf(place),
    concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs / STALLED_CHECKS_PER_LOCK,
    maxStalledCount: STALLED_MAX,
    maxStartedAttempts: STARTED_MAX,
    drainDelay: BLOCK_S_MAX,
    runRetryDelay: RETRY_MS,
  })
  worker.on('error', report)
  worker.on('failed', (_job, error) => report(error))
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'the lock was lost')
  })
  return {
    [Symbol.asyncDispose]: async () => {
      isClosing = true
      for (const { controller, giveUp } of running) {
        controller.abort(CLOSING)
        setTimeout(giveUp, STOP_MS_MAX).unref()
      }
      await closePart(worker, connection)
    },
  }
}

function parsed<Q extends QueueId>(queue: Q, data: unknown): NudgeOf<Q> {
  try {
    return parseNudge(queue, data)
  } catch (error) {
    if (error instanceof JobsError) throw new UnrecoverableError(error.message)
    throw error
  }
}
