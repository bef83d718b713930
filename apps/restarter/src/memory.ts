import type { Channel, Rollout, ServerState } from '@drover/model-config'
import { holds } from './judge.ts'
import {
  type Command,
  type DeploymentView,
  isSameRef,
  type Loss,
  type ObservedServer,
} from './observed.ts'
import { type Progress, progressAfter } from './progress.ts'

/** What this process has seen over time and nothing stored can tell. Plain data, never changed. */
export interface Memory {
  beat: { holder: string; beat: number; since: number } | undefined
  rollout:
    | (Progress & {
        sha: string
        seq: number
        holder: string
        kind: Rollout['step']['kind']
        since: number
        stepSince: number
        /** The pod template is to be brought back. */
        isReturning: boolean
      })
    | undefined
  tookOver: number | undefined
  silent: ReadonlyMap<string, number>
  last: ReadonlyMap<string, ServerState>
  losses: readonly Loss[]
  noneReadySince: number | undefined
  returnedAt: number | undefined
  /** The channel's seq at the last look at which no rollout was running. */
  idleSeq: number | undefined
  /** Whether the Deployment was read when the channel was already as it is now, with no rollout. */
  isCurrent: boolean
}

export const EMPTY_MEMORY: Memory = {
  beat: undefined,
  rollout: undefined,
  tookOver: undefined,
  silent: new Map(),
  last: new Map(),
  losses: [],
  noneReadySince: undefined,
  returnedAt: undefined,
  idleSeq: undefined,
  isCurrent: false,
}

/** One look at the world. */
export interface Sight {
  now: number
  holder: string
  channel: Channel | undefined
  /** Undefined: the server does not answer. */
  states: ReadonlyMap<string, ServerState | undefined>
  /** Those of them that answer, but with no state; none unless told. */
  unclear?: ReadonlySet<string>
  commands: ReadonlyMap<string, Command>
  silentMs: number
  /** Read before the channel; `isFresh`: in this look. */
  deployment: DeploymentView
  isFresh: boolean
}

/** The memory after one more look. Pure. */
export function remember(memory: Memory, sight: Sight): Memory {
  const { now, channel, states } = sight
  const rollout = channel?.rollout
  const silent = new Map<string, number>()
  const last = new Map<string, ServerState>()
  for (const [url, state] of states) {
    const known = state ?? memory.last.get(url)
    if (state === undefined) silent.set(url, memory.silent.get(url) ?? now)
    // Addresses come and go: what was known of one that is no server any more goes with it.
    if (known !== undefined) last.set(url, known)
  }
  const next = {
    ...memory,
    silent,
    last,
    beat: rollout && rememberBeat(memory, rollout, now),
    rollout: rollout && rememberRollout(memory, rollout, sight),
    tookOver: rollout && rememberTakeover(memory, rollout, sight.holder),
    noneReadySince: rememberNone(memory, sight),
    returnedAt: rememberReturn(memory, sight),
    idleSeq: rollout === undefined ? channel?.seq : undefined,
    isCurrent: isCurrent(memory, sight),
  }
  return { ...next, losses: rememberLosses(memory, next, rollout, sight) }
}

function rememberReturn({ rollout, returnedAt }: Memory, { channel, now }: Sight) {
  const isOver = rollout?.isReturning === true && channel?.rollout?.step.kind !== 'back'
  return isOver ? now : returnedAt
}

function rememberNone({ noneReadySince }: Memory, { states, now }: Sight): number | undefined {
  const isReady = [...states.values()].some((state) => state?.ready === true)
  return isReady ? undefined : (noneReadySince ?? now)
}

/** It is read before the channel, so only the look before can tell what the channel said then. */
function isCurrent({ idleSeq }: Memory, { channel, isFresh }: Sight): boolean {
  return isFresh && channel?.rollout === undefined && idleSeq === channel?.seq
}

function rememberBeat({ beat }: Memory, rollout: Rollout, now: number): Memory['beat'] {
  const isStill = beat?.holder === rollout.holder && beat.beat === rollout.beat
  return isStill ? beat : { holder: rollout.holder, beat: rollout.beat, since: now }
}

function rememberRollout(
  { rollout: known }: Memory,
  rollout: Rollout,
  sight: Sight,
): Memory['rollout'] {
  const { now } = sight
  const { sha, seq, holder } = rollout
  const { kind } = rollout.step
  const isKnown = isSameRef(known, rollout) && known?.holder === holder
  const since = isKnown ? known.since : now
  const isSameStep = isKnown && known.kind === kind
  const stepSince = isSameStep ? known.stepSince : now
  const isReturning = kind === 'back' && rollout.step.template !== undefined
  const progress = progressAfter(isSameStep ? known : undefined, rollout, sight)
  return { sha, seq, holder, kind, since, stepSince, isReturning, ...progress }
}

/** A rollout that another held at the last look and that is ours now was taken over. */
function rememberTakeover(memory: Memory, rollout: Rollout, holder: string): number | undefined {
  if (rollout.holder !== holder) return undefined
  const isOurs = memory.rollout?.holder === holder && isSameRef(memory.rollout, rollout)
  if (isOurs) return memory.tookOver
  return isSameRef(memory.rollout, rollout) ? rollout.fence : undefined
}

function rememberLosses(
  before: Memory,
  memory: Omit<Memory, 'losses'>,
  rollout: Rollout | undefined,
  sight: Sight,
): readonly Loss[] {
  if (rollout === undefined || rollout.step.kind !== 'apply') return []
  const known = isSameRef(before.rollout, rollout) ? before.losses : []
  const added = Array.from(sight.states.keys(), (url) => lossOf(url, memory, rollout, sight))
  const isNew = (loss: Loss) => !known.some((each) => isSameLoss(each, loss))
  return [...known, ...added.filter((loss) => loss !== undefined).filter(isNew)]
}

const isSameLoss = (a: Loss, b: Loss) => a.url === b.url && a.told === b.told

function lossOf(
  url: string,
  { silent, last }: Omit<Memory, 'losses'>,
  rollout: Rollout,
  { now, states, commands, silentMs }: Sight,
): Loss | undefined {
  const state = states.get(url)
  const command = commands.get(url)
  const told = command?.kind === 'apply' && isSameRef(command, rollout) ? command : undefined
  const isGone = state === undefined && now - (silent.get(url) ?? now) >= silentMs
  const isLost =
    state === undefined
      ? isGone && wasApplying(url, told, last.get(url), rollout)
      : wasReborn(told, state) && !isSameRef(state.config, rollout)
  return isLost ? { url, at: now, told: told?.at ?? -1 } : undefined
}

/** An agent that ended and came back in between was lost as well, however short it took. */
function wasReborn(told: Command | undefined, { startedAt }: ServerState): boolean {
  if (told?.outcome !== 'lost' || told.startedAt === undefined) return false
  return told.startedAt !== startedAt
}

/** Whether a server that is silent may have been applying the config of the rollout. */
export function wasApplying(
  url: string,
  command: Command | undefined,
  last: ServerState | undefined,
  rollout: Rollout | undefined,
): boolean {
  if (rollout === undefined || rollout.step.kind !== 'apply') return false
  if (holds({ state: last }, rollout)) return false
  const isTold = command?.kind === 'apply' && isSameRef(command, rollout)
  if (isTold) return command.outcome === 'pending' || command.outcome === 'lost'
  // What another process told it can only be taken from what it said last, or else from the step.
  return last === undefined ? rollout.step.servers.includes(url) : isSameRef(last.applying, rollout)
}

/**
 * Whether a server whose state cannot be read may be so by the config of the rollout: it was given it.
 * One that had come to it is excused by another that has, and whose state can be read.
 */
function mayApply(url: string, last: ServerState | undefined, { channel, states }: Sight): boolean {
  const rollout = channel?.rollout
  if (rollout?.step.kind !== 'apply' || !rollout.step.servers.includes(url)) return false
  const hasOther = [...states.values()].some((state) => holds({ state }, rollout))
  return !holds({ state: last }, rollout) || !hasOther
}

/** What a look and the memory of it say of each server. */
export function describeServers(memory: Memory, sight: Sight): ObservedServer[] {
  const rollout = sight.channel?.rollout
  return Array.from(sight.states, ([url, state]) => {
    const command = sight.commands.get(url)
    const last = memory.last.get(url)
    const isUnclear = state === undefined && sight.unclear?.has(url) === true
    return {
      url,
      state,
      isUnclear,
      silentSince: memory.silent.get(url),
      wasReady: last?.ready === true,
      hasEnded: state === undefined && last?.stopping === true,
      wasApplying:
        state === undefined &&
        (wasApplying(url, command, last, rollout) || (isUnclear && mayApply(url, last, sight))),
      command,
    }
  })
}

/** The part of an observation that comes from what this process remembers. Pure. */
export function describe(memory: Memory, sight: Sight) {
  const { now } = sight
  return {
    servers: describeServers(memory, sight),
    beatSince: memory.beat?.since ?? now,
    rolloutSince: memory.rollout?.since ?? now,
    stepSince: memory.rollout?.stepSince ?? now,
    tookOver: memory.tookOver,
    losses: memory.losses,
    noneReadySince: memory.noneReadySince,
    returnedAt: memory.returnedAt,
    deployment: sight.deployment,
    isCurrent: memory.isCurrent,
    progressSince: memory.rollout?.progressSince ?? now,
    unmetSince: memory.rollout?.unmetSince,
  }
}
