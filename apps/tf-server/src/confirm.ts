import {
  type ApplyAnswer,
  type ConfigEntry,
  type ConfigRef,
  canonicalJson,
} from '@drover/model-config'
import { type Before, deliver, prepare, type Prepared, putBack } from './apply.ts'
import { AgentError } from './errors.ts'
import { answerOf, type Confirmed } from './memory.ts'
import { endedUnder } from './observe.ts'
import type { Ports } from './ports.ts'
import { pullConfig } from './pull/fleet-config.ts'
import type { ModelServer } from './serve/model-server.ts'
import type { DiskState } from './state/disk-state.ts'

const APPLY_MS_MAX = 600_000
/** What of the disk's state an apply that is confirmed makes void. */
const APPLY_NOTES = ['applying', 'confirmed'] as const
const END_NOTES = [...APPLY_NOTES, 'endedUnder'] as const

/** Carries out one apply: a command's, or the server's own. Resolves once it is confirmed and on disk. */
export async function applyConfig(
  ports: Ports,
  ref: ConfigRef | undefined,
  fence: number | undefined,
): Promise<ApplyAnswer | undefined> {
  const { memory, disk, log, now } = ports
  memory.applying = ref
  try {
    const prepared = await prepareInTime(ports, ref)
    const server = requireServer(ports)
    if (fence !== undefined && fence < memory.fence)
      throw new AgentError('REFUSED', `the fence ${fence} was overtaken by ${memory.fence}`)
    // What was confirmed here before is not held against a model server that ends while it loads it.
    const isNew = ref !== undefined && disk.value.confirmed?.sha !== ref.sha
    await disk.update({ fence: memory.fence, ...(isNew && { applying: ref }) })
    const confirmed = await confirm(ports, server, prepared, isAnswerToEnd(ports, ref, fence))
    if (isNew) memory.changedAt = now()
    const { failed, models } = confirmed
    log.info({ ...ref, models: Object.keys(models).length, failed: failed.length }, 'applied')
    return answerOf(confirmed)
  } finally {
    memory.applying = undefined
  }
}

/** A command, or a newer config, is the answer to what ended under an older one. */
function isAnswerToEnd(
  { memory, disk }: Ports,
  ref: ConfigRef | undefined,
  fence: number | undefined,
): boolean {
  const under = endedUnder(memory, disk)
  return fence !== undefined || (ref !== undefined && under !== undefined && ref.seq > under.seq)
}

async function prepareInTime(ports: Ports, ref: ConfigRef | undefined): Promise<Prepared> {
  const { memory, stop } = ports
  const lastGood = memory.confirmed === undefined ? await readLastGood(ports) : new Map()
  const late = AbortSignal.timeout(APPLY_MS_MAX)
  const signal = AbortSignal.any([stop, late])
  try {
    return await prepare(ports, { ref, serving: memory.serving, lastGood, signal })
  } catch (error) {
    if (stop.aborted) throw new AgentError('STOPPED', 'the agent stops', { cause: error })
    if (late.aborted) {
      const message = `the config was not pulled within ${APPLY_MS_MAX} ms`
      throw new AgentError('DEADLINE', message, { cause: error })
    }
    throw error
  }
}

function requireServer({ memory }: Ports): ModelServer {
  if (memory.server !== undefined) return memory.server
  throw new AgentError('SERVER_ENDED', 'the model server ended meanwhile')
}

/** Delivers and puts it on disk and in memory, or puts the model server back to what it was. */
async function confirm(
  ports: Ports,
  server: ModelServer,
  prepared: Prepared,
  isAnswer: boolean,
): Promise<Confirmed> {
  const { memory, disk } = ports
  const before = { serving: memory.serving, drifting: memory.confirmed?.drifting ?? new Set() }
  try {
    const applied = await deliver(ports, server.admin, prepared, before)
    const confirmed = { ref: memory.applying, ...applied.confirmed }
    await disk.settle(isAnswer ? END_NOTES : APPLY_NOTES, toDisk(confirmed, applied.serving))
    memory.serving = applied.serving
    memory.confirmed = confirmed
    memory.missingBefore = 0
    if (isAnswer) memory.end = undefined
    return confirmed
  } catch (error) {
    await undo(ports, server, { prepared, before, error })
    throw error
  }
}

async function undo(
  ports: Ports,
  server: ModelServer,
  { prepared, before, error }: { prepared: Prepared; before: Before; error: unknown },
): Promise<void> {
  const hasEnded = error instanceof AgentError && error.code === 'SERVER_ENDED'
  try {
    if (hasEnded) return await server.kill()
    await putBack(ports, server.admin, prepared, before)
  } catch (err) {
    // What it serves is unknown now. The next one serves what was confirmed before.
    ports.log.error({ err }, 'what was served cannot be put back')
    return await server.kill()
  }
  try {
    await ports.disk.settle(['applying'])
  } catch (err) {
    ports.log.error({ err }, 'the end of an apply cannot be noted')
  }
}

/** What is confirmed, as it is written to disk: with what is served in place of what failed. */
export function toDisk(
  { ref, failed, models }: Pick<Confirmed, 'ref' | 'failed' | 'models'>,
  serving: ReadonlyMap<string, ConfigEntry>,
): Pick<DiskState, 'confirmed'> {
  const kept = [...serving].filter(
    ([name, entry]) => canonicalJson(entry) !== canonicalJson(models[name] ?? null),
  )
  if (ref === undefined) return {}
  return { confirmed: { ...ref, failed: [...failed], kept: Object.fromEntries(kept) } }
}

/** What this server served before its restart, as its disk knows it. */
async function readLastGood(ports: Ports): Promise<Map<string, ConfigEntry>> {
  const { confirmed } = ports.disk.value
  if (confirmed === undefined) return new Map()
  try {
    const { models } = await pullConfig(ports.cache, ports.source, { ...ports, ...confirmed })
    const broken = new Set(confirmed.failed.map(({ name }) => name))
    const good = Object.entries(models).filter(([name]) => !broken.has(name))
    return new Map([...good, ...Object.entries(confirmed.kept)])
  } catch (err) {
    ports.log.warn({ err }, 'what was served last cannot be read')
    return new Map(Object.entries(confirmed.kept))
  }
}
