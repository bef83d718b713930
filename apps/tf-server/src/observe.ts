import { type ConfigRef, tellDrifting, tellFailures } from '@drover/model-config'
import type { Memory, Report } from './memory.ts'
import { isTrial, missingMax, type Observed } from './plan.ts'
import type { DiskStateFile } from './state/disk-state.ts'

const REASON_CHARACTERS_MAX = 1_024

/** One plain value for the plan, out of memory and disk. */
export function observe(
  memory: Memory,
  disk: DiskStateFile,
  { now, cacheAgeMaxMs }: { now: number; cacheAgeMaxMs: number },
): Observed {
  const { confirmed, server, pending, named } = memory
  const { seenLive } = disk
  return {
    now,
    channel: memory.channel,
    named,
    seenLive: seenLive && { ref: seenLive.ref, at: Date.parse(seenLive.at) },
    cacheAgeMaxMs,
    fence: memory.fence,
    recycles: memory.recycles,
    startAt: server === undefined ? memory.startAt : undefined,
    hasEnded: memory.end?.isNoted === false,
    config: confirmed && {
      ref: confirmed.ref,
      isComplete: confirmed.failed.length === 0,
      confirmedAt: confirmed.confirmedAt,
    },
    mayOpen: mayOpen(memory),
    isOpen: memory.isOpen,
    endedUnder: endedUnder(memory, disk),
    retryAt: memory.retryAt,
    commands: pending.map(({ command }) => command),
  }
}

/** Models that have no version loaded, each for a fault of its own. */
export function missingIn({ confirmed, serving }: Memory): number {
  return Object.keys(confirmed?.models ?? {}).filter((name) => !serving.has(name)).length
}

function mayOpen(memory: Memory): boolean {
  const models = Object.keys(memory.confirmed?.models ?? {}).length
  return missingIn(memory) - memory.missingBefore <= missingMax(models)
}

/** `GET /v1/state`, but for what only the process and the settings know. */
export function report(memory: Memory, disk: DiskStateFile, where: string): Report {
  const { confirmed } = memory
  const why = whyUnready(memory, disk, where)
  return {
    ready: why === undefined,
    stopping: memory.isStopping,
    why: why?.slice(0, REASON_CHARACTERS_MAX),
    config: confirmed?.ref,
    applying: memory.applying,
    fence: memory.fence,
    models: memory.serving.size,
    ...tellFailures(confirmed?.failed ?? []),
    ...tellDrifting(confirmed?.drifting ?? []),
    impaired: memory.impaired?.slice(0, REASON_CHARACTERS_MAX),
    endedUnder: endedUnder(memory, disk),
    startedAt: memory.startedAt,
    servingSince: memory.server?.since?.toISOString(),
    recycles: memory.recycles,
  }
}

/** The newly applied config under which the model server ended, until a newer one is acknowledged. */
export const endedUnder = (memory: Memory, disk: DiskStateFile): ConfigRef | undefined =>
  memory.end?.under ?? disk.value.endedUnder

/** Why the server is not ready, for a person; undefined when it is. */
export function whyUnready(
  memory: Memory,
  { seenLive }: DiskStateFile,
  where: string,
): string | undefined {
  const { server, confirmed, channel, isOpen, isStopping } = memory
  if (isStopping) return 'it is stopping'
  if (server === undefined) return 'the model server is not up'
  if (confirmed === undefined) {
    if (channel.kind === 'absent') return `there is no channel ${where}`
    if (channel.kind === 'away') return `the store is away and the cache is not fresh: ${where}`
    return `the first config is not applied yet: ${memory.impaired ?? 'it is under way'}`
  }
  if (isOpen) return undefined
  const [failed] = confirmed.failed
  if (failed !== undefined && isTrial({ ...memory, seenLive }, confirmed.ref)) {
    return `config ${confirmed.ref?.seq} is not live yet, and ${failed.name} version ${failed.version} of it failed: ${failed.reason}`
  }
  if (mayOpen(memory)) return 'its models are being loaded'
  const models = Object.keys(confirmed.models).length
  return `${missingIn(memory)} of ${models} models have no version that can be served`
}
