import { setTimeout as wait } from 'node:timers/promises'
import { openFairQueue, openQueue, type Place, startWorker, watchRedis } from '@drover/jobs'
import type { ModelId } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { type Log, makeLoop } from '@drover/service'
import type { Trainer } from '@drover/training'
import { makeAgenda } from './agenda.ts'
import type { Commands, Config } from './config.ts'
import { makeDispatch } from './dispatch.ts'
import { makeCommandLane } from './lane.ts'
import type { ActiveRun, Workshop } from './run.ts'
import { makeChangeScan, scanAll } from './scan.ts'
import { makeSettle } from './settle.ts'
import { openTrainers } from './trainers.ts'
import { openWork } from './work.ts'

export { makeSchedulerApi, type SchedulerApiParts } from './api.ts'
export { type Action, type Observed, type ObservedVersion, plan } from './plan.ts'

const BACKOFF_MS = 2_000
const END_MS_MAX = 3_500

/** What a trainer-scheduler is made of. */
export interface SchedulerParts {
  store: ModelStore
  place: Place
  log: Log
  config: Pick<
    Config,
    | 'DROVER_SCAN_MS'
    | 'DROVER_FULL_SCAN_MS'
    | 'DROVER_SLOTS'
    | 'DROVER_WORK'
    | 'DROVER_DATA_ROOT'
    | 'DROVER_TRAIN_MS_MAX'
    | 'DROVER_UPLOAD_BYTES_MAX'
    | 'DROVER_VERSION_BYTES_MAX'
  >
  commands: Commands
  /** The clock, in milliseconds. */
  now?: () => number
  /** Opens the training process of a slot. */
  openTrainer?: () => Trainer
}

/** A running trainer-scheduler. */
export type TrainerScheduler = Awaited<ReturnType<typeof startTrainerScheduler>>

/**
 * Starts the two halves of the loop: a worker that settles one model after the other (observe,
 * plan, act), and scans that put every model which is due into the fair queue. Both go on by
 * themselves after the store or Redis was away. Disposing of it hands its trainings back.
 */
export async function startTrainerScheduler(parts: SchedulerParts) {
  const { store, place, log, config, commands, now = Date.now } = parts
  const stop = new AbortController()
  const active = new Map<string, ActiveRun>()
  const work = await openWork(config.DROVER_WORK)
  const trainers = openTrainers(config.DROVER_SLOTS, parts.openTrainer)
  const onError = (err: unknown) => log.warn({ err }, 'queue failed')
  const publish = openQueue({ name: 'publish' }, place)
  const fair = openFairQueue(place, { slots: config.DROVER_SLOTS, onError })
  const agenda = makeAgenda(now, () => loop.nudge())
  const dispatch = makeDispatch({ fair, publish, agenda, log, now })
  const lane = makeCommandLane(config.DROVER_SLOTS, agenda, now)
  const workshop: Workshop = {
    store,
    log,
    now,
    borrowTrainer: trainers.borrow,
    commands,
    workRoot: work.path,
    dataRoot: config.DROVER_DATA_ROOT,
    dataBytesMax: config.DROVER_UPLOAD_BYTES_MAX,
    outputBytesMax: config.DROVER_VERSION_BYTES_MAX,
    trainMsMax: config.DROVER_TRAIN_MS_MAX,
    active,
  }
  const hands = { workshop, lane, publish, log, queuedAt: dispatch.queuedAt }
  const attend = makeSettle({ store, fair, agenda, dispatch, hands, log, now, stop: stop.signal })
  const loop = makeScanLoop(parts, { agenda, look: attend.look, now })
  const watcher = watchRedis(place, {
    onReturn: (empty) => {
      log.info({ empty }, 'redis is back')
      if (empty) return loop.rescan()
      // What was queued in its last second may be lost.
      for (const model of dispatch.unsettled()) agenda.set(model, now())
    },
  })
  // Not the queue's signal: it also tells that the lock was lost, as when Redis is away, and a
  // training goes on then. What comes of it is decided by its claim and not by the lock.
  const worker = startWorker({ name: 'train' }, place, attend.settle, {
    concurrency: config.DROVER_SLOTS,
    onError,
  })
  const looping = loop.run(stop.signal)
  return {
    workRoot: work.path,
    dispatch,
    /** The runs of this process. */
    activeRuns: (): ActiveRun[] => [...active.values()],
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error('the scheduler stops'))
      agenda[Symbol.dispose]()
      await endInTime(worker)
      await Promise.all([looping, trainers[Symbol.asyncDispose]()])
      await Promise.all([watcher, fair, publish].map(endInTime))
      await work[Symbol.asyncDispose]()
    },
  }
}

/** A connection to a Redis that is away may never end by itself; the process's end is enough. */
async function endInTime(part: AsyncDisposable): Promise<void> {
  const late = new AbortController()
  const timer = wait(END_MS_MAX, undefined, { signal: late.signal, ref: false })
  await Promise.race([part[Symbol.asyncDispose](), timer])
  late.abort()
  await timer.catch(() => {})
}

/** Everything at start and daily, what changed each minute, and what falls due when it does. */
function makeScanLoop(
  { store, log, config }: SchedulerParts,
  {
    agenda,
    look,
    now,
  }: Pick<Parameters<typeof makeSettle>[0], 'agenda' | 'now'> & {
    look: (model: ModelId) => Promise<void>
  },
) {
  const onSkipped = (err: unknown, about: object) =>
    log.error({ err, ...about }, 'passed over: it cannot be read')
  const scans = { store, look, onSkipped }
  const scanChanges = makeChangeScan(scans)
  let allAt = 0
  let changesAt = 0
  const loop = makeLoop({
    scanMs: config.DROVER_SCAN_MS,
    backoffMs: BACKOFF_MS,
    onError: (err) => log.warn({ err }, 'scan will be repeated'),
    turn: async (signal) => {
      try {
        await scan(signal)
      } finally {
        // Retries and schedules go on when a scan cannot.
        for (const model of agenda.takeDue()) {
          if (!signal.aborted) await look(model)
        }
      }
      return false
    },
  })

  async function scan(signal: AbortSignal): Promise<void> {
    if (now() >= allAt) {
      const next = now() + config.DROVER_FULL_SCAN_MS
      allAt = Number.POSITIVE_INFINITY
      try {
        await scanAll(scans, signal)
        allAt = Math.min(allAt, next)
      } catch (error) {
        allAt = 0
        throw error
      }
    }
    if (now() >= changesAt) {
      await scanChanges(now())
      changesAt = now() + config.DROVER_SCAN_MS
    }
  }

  return {
    ...loop,
    /** Looks at everything soon, even if that is being done now. */
    rescan(): void {
      allAt = 0
      loop.nudge()
    },
  }
}
