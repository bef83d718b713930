import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ModelId,
  type ModelSpec,
  type Quality,
  type Run,
  runKey,
  type TrainingRequest,
} from '@drover/model-config'
import { createJson, type ModelStore } from '@drover/model-store'
import type { Log } from '@drover/service'
import { collectOutput, runCommand, type Trainer } from '@drover/training'
import {
  abortVersion,
  type Claimed,
  commitVersion,
  release,
  storeFiles,
  takeVersion,
} from './commit.ts'
import type { Commands } from './config.ts'
import { describeData, fetchData } from './data.ts'
import { failureOf, RunFailure } from './failure.ts'

/** What a run needs beside its training: data, uploads, commit. Its claim may be given up after both. */
const AROUND_MS_MAX = 300_000

/** What a run is done with. */
export interface Workshop {
  store: ModelStore
  log: Log
  now: () => number
  /** A warm process that no other run uses. */
  borrowTrainer: <T>(use: (trainer: Trainer) => Promise<T>) => Promise<T>
  commands: Commands
  /** The folder for work directories. */
  workRoot: string
  dataRoot: string | undefined
  dataBytesMax: number
  outputBytesMax: number
  trainMsMax: number
  /** The runs under way, by their id; kept here for whoever wants to see them. */
  active: Map<string, ActiveRun>
}

/** A run under way. */
export interface ActiveRun extends ModelId {
  run: string
  version: number
  request: string
  since: string
}

/** One training that the plan wants. */
export interface Order {
  model: ModelId
  spec: ModelSpec
  request: TrainingRequest
  version: number
  queuedAt: string
  traceparent: string
}

export type Outcome =
  | { kind: 'committed'; version: number }
  /** Somebody else has the number, or gave the claim up: look again. */
  | { kind: 'lost' }
  /** Recorded: the plan sees it. */
  | { kind: 'failed'; failure: string; reason: string }
  /** The signal ended it, and its claim is given up. */
  | { kind: 'cancelled' }

/**
 * Trains one version: takes its number, fetches the data, trains, uploads, commits. Throws only
 * when the store is away; the claim then waits for the next look, which gives it up or finds that
 * it was committed.
 */
export async function trainVersion(
  workshop: Workshop,
  order: Order,
  signal: AbortSignal,
): Promise<Outcome> {
  const { store, now } = workshop
  const startedAt = now()
  const { id: request, born } = order.request
  const deadlineMs = timeoutOf(workshop, order.spec) + AROUND_MS_MAX
  const { version, traceparent } = order
  const claimed = await takeVersion(store, order.model, {
    version,
    request,
    born,
    traceparent,
    deadlineMs,
    now: startedAt,
  })
  if (claimed === undefined) return { kind: 'lost' }
  const { run, at: since } = claimed.claim
  workshop.active.set(run, { ...order.model, run, version, request, since })
  try {
    return await runClaimed(workshop, order, claimed, signal)
  } finally {
    release(claimed)
    workshop.active.delete(run)
  }
}

async function runClaimed(
  workshop: Workshop,
  order: Order,
  claimed: Claimed,
  signal: AbortSignal,
): Promise<Outcome> {
  let directory: string | undefined
  try {
    directory = await mkdtemp(join(workshop.workRoot, 'run-'))
    return await makeVersion(workshop, order, { claimed, directory, signal })
  } catch (error) {
    return await settle(workshop, order, { claimed, error, signal })
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true })
  }
}

async function makeVersion(
  workshop: Workshop,
  order: Order,
  { claimed, directory, signal }: { claimed: Claimed; directory: string; signal: AbortSignal },
): Promise<Outcome> {
  const { store, now } = workshop
  const { spec, request } = order
  const { trainRequestedAt, slot, specDigest } = request
  if (spec.data === undefined) throw new RunFailure('data', 'the spec names no data')
  const dataPath = join(directory, 'data')
  const outputDirectory = join(directory, 'output')
  await mkdir(outputDirectory)
  const dataDigest = await fetchData(
    { store, dataRoot: workshop.dataRoot, bytesMax: workshop.dataBytesMax },
    order.model,
    spec.data,
    dataPath,
  )
  signal.throwIfAborted()
  const quality = await train(workshop, spec, { dataPath, outputDirectory, signal })
  const output = await collectOutput(outputDirectory, workshop.outputBytesMax)
  const files = await storeFiles(store, claimed, output)
  const isCommitted = await commitVersion(
    store,
    claimed,
    {
      files,
      quality,
      lineage: {
        specDigest,
        data: spec.data,
        dataDigest,
        ...(trainRequestedAt === undefined ? {} : { trainRequestedAt }),
        ...(slot === undefined ? {} : { slot }),
        recipe: spec.recipe.name,
      },
      queuedAt: order.queuedAt,
      startedAt: claimed.claim.at,
    },
    now(),
  )
  return isCommitted ? { kind: 'committed', version: claimed.version } : { kind: 'lost' }
}

interface Paths {
  dataPath: string
  outputDirectory: string
  signal: AbortSignal
}

async function train(
  workshop: Workshop,
  spec: ModelSpec,
  paths: Paths,
): Promise<Quality | undefined> {
  const { recipe } = spec
  const timeoutMs = timeoutOf(workshop, spec)
  if (recipe.name !== 'command') {
    const { quality } = await workshop.borrowTrainer(
      async (trainer) => await trainer.train({ recipe, timeoutMs, ...paths }),
    )
    return quality
  }
  const command = workshop.commands[recipe.command]
  if (command === undefined) {
    const message = `the command ${recipe.command} is not in the operator's list any more`
    throw new RunFailure('poison', message)
  }
  const { argv } = command
  const { outputBytesMax } = workshop
  const made = await runCommand({ argv, timeoutMs, outputBytesMax, ...paths })
  if (made.ignored !== undefined) workshop.log.warn({ why: made.ignored }, 'quality not taken')
  return made.quality
}

/** The limit of one training: a command may have its own. */
function timeoutOf({ commands, trainMsMax }: Workshop, { recipe }: ModelSpec): number {
  const own = recipe.name === 'command' ? commands[recipe.command]?.timeoutMs : undefined
  return own ?? trainMsMax
}

/** Ends a claim whose run failed: recorded, unless the run was told to stop or the store is away. */
async function settle(
  { store, log, now }: Workshop,
  order: Order,
  { claimed, error, signal }: { claimed: Claimed; error: unknown; signal: AbortSignal },
): Promise<Outcome> {
  const { run, at: startedAt, request, born, traceparent } = claimed.claim
  const { version } = claimed
  const end = async (why: string) =>
    await abortVersion(store, claimed, { why, by: run, now: now() })
  if (signal.aborted) {
    const committed = await end('the scheduler stopped')
    return committed === undefined ? { kind: 'cancelled' } : { kind: 'committed', version }
  }
  const failed = failureOf(error, describeData(order.spec.data))
  if (failed === undefined) throw error
  log.warn({ err: error, ...order.model, version, run, ...failed }, 'run failed')
  const at = new Date(now()).toISOString()
  const { cause } = order.request
  const record: Run = {
    format: 1,
    run,
    request,
    cause,
    born,
    version,
    ...failed,
    startedAt,
    at,
    traceparent,
  }
  // The record comes first: a claim without a record that somebody else gives up counts as a try,
  // but only the record says why.
  await createJson(store, runKey(order.model, run), record)
  const committed = await end(failed.reason)
  return committed === undefined ? { kind: 'failed', ...failed } : { kind: 'committed', version }
}
