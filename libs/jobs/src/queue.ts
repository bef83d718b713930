import { type JobsOptions, Queue } from 'bullmq'
import { answerOf, closePart, type Place, prefixOf, readyOf, senderOf } from './connection.ts'
import { JobsCode, JobsError } from './failure.ts'
import { type NudgeOf, parseNudge, type QueueId, queueNameOf, subjectOf } from './nudges.ts'

const PAYLOAD_BYTES_MAX = 4_096
const EVENTS_MAX = 1_000
const COMPLETED_MAX = 100
const FAILED_MAX = 1_000
const KEPT_S_MAX = 86_400
const ATTEMPTS_MAX = 3
const BACKOFF_MS = 1_000
const STACK_LINES_MAX = 10
const IN_FLIGHT_MAX = 10_000

const JOB_OPTIONS: JobsOptions = {
  attempts: ATTEMPTS_MAX,
  backoff: { type: 'exponential', delay: BACKOFF_MS, jitter: 0.5 },
  removeOnComplete: { count: COMPLETED_MAX, age: KEPT_S_MAX },
  removeOnFail: { count: FAILED_MAX, age: KEPT_S_MAX },
  sizeLimit: PAYLOAD_BYTES_MAX,
  stackTraceLimit: STACK_LINES_MAX,
}

/** The sending side of a queue. */
export interface NudgeQueue<Q extends QueueId> extends AsyncDisposable {
  /**
   * Sends a nudge. Of equal ones that wait one is kept; one that comes while an equal one is worked
   * on is worked on after it. Throws a JobsError within a second when Redis is away: whoever nudges
   * logs that and goes on, since what was to be nudged about is in the store.
   */
  nudge(payload: NudgeOf<Q>): Promise<void>
}

/** Opens the sending side of a queue, also while Redis is away. */
export function openQueue<Q extends QueueId>(id: Q, place: Place): NudgeQueue<Q> {
  const { queue, close } = openBullQueue(queueNameOf(id), place)
  let inFlight = 0
  return {
    async nudge(payload) {
      const nudge = parseNudge(id, payload)
      if (inFlight >= IN_FLIGHT_MAX) {
        throw new JobsError(JobsCode.FULL, `${inFlight} nudges wait for Redis already`)
      }
      inFlight++
      try {
        await answerOf(`nudge ${queue.name}`, async () => {
          await queue.waitUntilReady()
          await queue.add('nudge', nudge, optionsOf(nudge))
        })
      } finally {
        inFlight--
      }
    },
    [Symbol.asyncDispose]: close,
  }
}

/** BullMQ's queue for whoever sends, and the way to be rid of it. */
export interface BullQueue {
  queue: Queue<object, void>
  /** Waits until it can be written to. */
  ready: () => Promise<void>
  close: () => Promise<void>
}

export function openBullQueue(name: string, place: Place): BullQueue {
  const connection = senderOf(place)
  const queue = new Queue<object, void>(name, {
    connection: connection.options,
    prefix: prefixOf(place),
    defaultJobOptions: JOB_OPTIONS,
    streams: { events: { maxLen: EVENTS_MAX } },
    // It would fail for good when the connection breaks just then; the workers check the version.
    skipVersionCheck: true,
  })
  // A lost connection is opened again by itself, and every call tells its own caller.
  queue.on('error', () => {})
  let isReady: (() => Promise<void>) | undefined
  const ready = async () => {
    isReady ??= readyOf(await queue.getBackend().client)
    await isReady()
  }
  return { queue, ready, close: async () => await closePart(queue, connection) }
}

/** What makes equal nudges one. */
export function optionsOf(nudge: object): JobsOptions {
  return { deduplication: { id: subjectOf(nudge), keepLastIfActive: true } }
}
