import { Name, Traceparent } from '@drover/model-config'
import { QueueEvents } from 'bullmq'
import { Redis } from 'ioredis'
import { z } from 'zod'
import {
  answerOf,
  closePart,
  type Place,
  prefixOf,
  readyOf,
  senderOf,
  takerOf,
} from './connection.ts'
import * as scripts from './fair-scripts.ts'
import { JobsCode, JobsError, makeReporter } from './failure.ts'
import { parseNudge } from './nudges.ts'
import { type BullQueue, openBullQueue, optionsOf } from './queue.ts'

const WAITING_MAX = 200_000
const WEIGHT_MAX = 1_000
const COST_MS_MAX = 7 * 24 * 3_600_000
const LEASE_MS_MAX = 30_000
/** Onboarding goes first, but of four runs one is for those who wait for a retraining. */
const ONBOARDINGS_IN_A_ROW_MAX = 3
const COST_MS_GUESS = 1_000
const FEED_MS = 5_000

const Weight = z.number().positive().max(WEIGHT_MAX)
const Request = z.strictObject({
  tenant: Name,
  model: Name,
  /** The tenant's share against others'. */
  weight: Weight,
  /** Whether it is the model's first training. */
  onboarding: z.boolean(),
  traceparent: Traceparent,
})
export type TrainRequest = z.output<typeof Request>

const Finished = z.strictObject({
  tenant: Name,
  model: Name,
  /** How long the run took, in milliseconds. */
  costMs: z.number().min(0).max(COST_MS_MAX),
  weight: Weight,
})
export type FinishedRun = z.output<typeof Finished>

const Taken = z.array(z.string())

export interface FairQueueOptions {
  /** How many trainings may be in the queue `train` at a time, waiting there or running. */
  slots: number
  /** Hears of what fails in the background, the same fault at most every ten seconds. */
  onError?: (error: unknown) => void
}

/** Puts training requests into a fair order and hands them on to the queue `train`. */
export interface FairQueue extends AsyncDisposable {
  /** Asks for a training. A newer request of a model replaces the waiting one, in its place. */
  request(request: TrainRequest): Promise<void>
  /** Fills the free slots and says how many it filled; also done by itself when a run ends. */
  feed(): Promise<number>
  /** Tells what a run really cost, which is what its tenant pays for. */
  finished(run: FinishedRun): Promise<void>
  /** How many requests wait for a slot. */
  waiting(): Promise<number>
}

/**
 * Opens the fair queue in front of `train`, also while Redis is away; all of its calls then throw a
 * JobsError within a second.
 */
export function openFairQueue(
  place: Place,
  { slots, onError = () => {} }: FairQueueOptions,
): FairQueue {
  const base = `${prefixOf(place)}:fair`
  const report = makeReporter(onError)
  const redis = new Redis(place.url, senderOf(place).options)
  // A lost connection is opened again by itself, and every call tells its own caller.
  redis.on('error', () => {})
  const ready = readyOf(redis)
  const call: Call = async (doing, script, keys, args) =>
    await answerOf(doing, async () => {
      await ready()
      return await redis.eval(script, keys.length, ...keys, ...args)
    })
  const train = openBullQueue('train', place)
  const feed = oneAtATime(makeFeed({ base, prefix: prefixOf(place), slots, train, call }))
  const feedInBackground = (): void => void feed().catch(report)
  const events = followTrain(place, feedInBackground, report)
  // Leases of a process that died between taking and handing on are given back by a later feed.
  const timer = setInterval(feedInBackground, FEED_MS)
  redis.once('close', () => redis.on('ready', feedInBackground))

  return {
    async request(request) {
      const payload = checked(Request, request)
      const lane = payload.onboarding ? 'o' : 'r'
      const args = [idOf(payload), payload.tenant, lane, JSON.stringify(payload), WAITING_MAX]
      const outcome = await call('request a training', scripts.REQUEST, [base], args)
      if (outcome === -1) {
        throw new JobsError(JobsCode.FULL, `${WAITING_MAX} trainings wait already`)
      }
    },
    feed,
    async finished(run) {
      const { tenant, costMs, weight } = checked(Finished, run)
      const args = [idOf(run), tenant, costMs, weight, COST_MS_GUESS]
      await call('account for a training', scripts.FINISHED, [base], args)
    },
    waiting: async () =>
      await answerOf('count trainings', async () => {
        await ready()
        return await redis.hlen(`${base}:waiting`)
      }),
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await Promise.all([train.close(), events.close()])
      redis.disconnect()
    },
  }
}

type Call = (
  doing: string,
  script: string,
  keys: string[],
  args: (string | number)[],
) => Promise<unknown>

interface Feeding {
  base: string
  prefix: string
  slots: number
  train: BullQueue
  call: Call
}

function makeFeed({ base, prefix, slots, train, call }: Feeding): () => Promise<number> {
  const keys = [base, `${prefix}:train:wait`, `${prefix}:train:active`]
  const settings = [slots, LEASE_MS_MAX, ONBOARDINGS_IN_A_ROW_MAX, COST_MS_GUESS]
  return async () => {
    // What is taken and cannot be handed on would wait for nothing.
    await answerOf('feed trainings', train.ready)
    const taken = Taken.parse(await call('feed trainings', scripts.TAKE, keys, settings)).map(
      (payload) => Request.parse(JSON.parse(payload)),
    )
    if (taken.length === 0) return 0
    const ids = taken.map(idOf)
    const jobs = taken.map(({ tenant, model, traceparent }) => {
      const data = parseNudge({ name: 'train' }, { tenant, model, traceparent })
      return { name: 'nudge', data, opts: optionsOf(data) }
    })
    try {
      await answerOf('feed trainings', async () => await train.queue.addBulk(jobs))
    } catch (error) {
      // If this fails too, the leases get old by themselves.
      await call('give trainings back', scripts.GIVE_BACK, [base], ids).catch(() => {})
      throw error
    }
    await call('confirm trainings', scripts.CONFIRM, [base], ids)
    return taken.length
  }
}

const idOf = ({ tenant, model }: { tenant: string; model: string }): string => `${tenant}.${model}`

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new JobsError(JobsCode.INVALID, z.prettifyError(result.error), { cause: result.error })
}

/** A slot is free again when a run's job ends, whichever process worked on it. */
function followTrain(place: Place, onEnd: () => void, onError: (error: unknown) => void) {
  const connection = takerOf(place)
  const events = new QueueEvents('train', {
    connection: connection.options,
    prefix: prefixOf(place),
  })
  events.on('error', onError)
  events.on('completed', onEnd)
  events.on('failed', onEnd)
  return { close: async () => await closePart(events, connection) }
}

/** One call at a time; those that come meanwhile share one further call. */
function oneAtATime<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined
  const start = async (): Promise<T> => {
    running = call().finally(() => (running = undefined))
    return await running
  }
  return async () => {
    if (running === undefined) return await start()
    next ??= running
      .catch(() => undefined)
      .then(async () => {
        next = undefined
        return await start()
      })
    return await next
  }
}
