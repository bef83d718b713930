import type { ConfigRef } from '@drover/model-config'

/** What the channel said when it was last read. */
export type ChannelView =
  | { kind: 'unread' }
  /** The store cannot be read. `last`: what the channel said when it still could be. */
  | { kind: 'away'; last?: SeenChannel | undefined }
  /** The store is there, and no channel in it. */
  | { kind: 'absent'; last?: SeenChannel | undefined }
  | (SeenChannel & { kind: 'seen'; readAt: number })

/** What a server needs to know of a channel. */
export interface SeenChannel {
  live: ConfigRef | undefined
  /** Whether the config was rejected that this server was rolled out for. */
  isNamedRejected: boolean
}

/** What somebody asked of this server, in the order in which it came. */
export type Command =
  | { kind: 'apply'; id: number; fence: number; ref: ConfigRef }
  /** `recycles`: how many starts of a model server the caller has seen. */
  | { kind: 'recycle'; id: number; fence: number; recycles: number }

/** Everything that decides what an agent does next. Times are in milliseconds of one clock. */
export interface Observed {
  now: number
  channel: ChannelView
  /** The config that the annotation of this pod names. */
  named: ConfigRef | undefined
  /** The last config that was both confirmed here and seen live. */
  seenLive: { ref: ConfigRef; at: number } | undefined
  cacheAgeMaxMs: number
  /** The highest fence seen. */
  fence: number
  recycles: number
  /** When the next try to start a model server may begin; undefined while one runs. */
  startAt: number | undefined
  /** A model server has ended, and that is not on disk yet. */
  hasEnded: boolean
  /** What is confirmed since this process started. Without a ref: the empty config. */
  config: { ref: ConfigRef | undefined; isComplete: boolean; confirmedAt: number } | undefined
  /** Whether enough of the config's models have a version loaded. */
  mayOpen: boolean
  /** Whether it has reported ready since the model server runs. */
  isOpen: boolean
  endedUnder: ConfigRef | undefined
  /** When this server may next try a config on its own account. */
  retryAt: number
  commands: readonly Command[]
}

/** The next thing to do. `command` is the id of the one that is answered by it. */
export type Action =
  | { kind: 'note-end' }
  | { kind: 'refuse'; command: number }
  | { kind: 'acknowledge'; command: number }
  | { kind: 'start' }
  | { kind: 'recycle'; command: number }
  /** `fence`: the fence of the command; undefined when the server catches up by itself. */
  | { kind: 'apply'; ref: ConfigRef | undefined; fence?: number; command?: number }
  | { kind: 'look' }
  | { kind: 'open' }

/**
 * What an agent does next (PROTOCOL 6 and 7); undefined when there is nothing to do but to wait.
 * Commands come before the server's own catching up, and nothing before a model server runs.
 */
export function plan(observed: Observed): Action | undefined {
  const { commands, startAt, now } = observed
  if (observed.hasEnded) return { kind: 'note-end' }
  for (const command of commands) {
    if (command.fence < observed.fence) return { kind: 'refuse', command: command.id }
    if (isDone(observed, command)) return { kind: 'acknowledge', command: command.id }
    if (isBehindLive(observed, command)) return { kind: 'refuse', command: command.id }
  }
  if (startAt !== undefined) return startAt <= now ? { kind: 'start' } : undefined
  const [command] = commands
  if (command !== undefined) return carryOut(command)
  return catchUp(observed) ?? open(observed)
}

/** Whether there is nothing left of a command: a repeated one is answered at once. */
function isDone({ config, recycles, startAt }: Observed, command: Command): boolean {
  if (command.kind === 'recycle') return recycles > command.recycles
  return startAt === undefined && isSame(config?.ref, command.ref)
}

/**
 * Whoever goes back goes back to `live`. What is older was decided before `live` moved: this server
 * may have come to it by itself, without hearing the fence that would tell.
 */
function isBehindLive({ channel }: Observed, command: Command): boolean {
  if (command.kind !== 'apply' || channel.kind !== 'seen') return false
  return channel.live !== undefined && command.ref.seq < channel.live.seq
}

function carryOut(command: Command): Action {
  if (command.kind === 'recycle') return { kind: 'recycle', command: command.id }
  const { id, fence, ref } = command
  return { kind: 'apply', ref, fence, command: id }
}

function catchUp(observed: Observed): Action | undefined {
  if (observed.retryAt > observed.now) return undefined
  if (observed.config === undefined) return firstConfig(observed)
  return newerLive(observed) ?? leaveRejected(observed)
}

/** What a server starts with: what it was rolled out for, `live`, or the cache with the store away. */
function firstConfig(observed: Observed): Action | undefined {
  const { channel, named, endedUnder, seenLive, cacheAgeMaxMs, now } = observed
  switch (channel.kind) {
    case 'unread':
      return undefined
    case 'seen':
      return {
        kind: 'apply',
        ref: startingConfig(channel, isSame(endedUnder, named) ? undefined : named),
      }
    case 'away':
    // A channel that was seen live never ceases to exist: the store that has none is not the store.
    case 'absent':
      return seenLive !== undefined && now - seenLive.at <= cacheAgeMaxMs
        ? { kind: 'apply', ref: seenLive.ref }
        : undefined
  }
}

function newerLive({ channel, config, endedUnder }: Observed): Action | undefined {
  if (channel.kind !== 'seen' || channel.live === undefined) return undefined
  const { live } = channel
  if (live.seq <= (config?.ref?.seq ?? -1)) return undefined
  // What ended the model server would do so again: only a command tries it once more.
  return isSame(endedUnder, live) ? undefined : { kind: 'apply', ref: live }
}

/** What a channel has for a server that starts: what it was rolled out for if that is to come, else `live`. */
export function startingConfig(
  { live, isNamedRejected }: SeenChannel,
  named: ConfigRef | undefined,
): ConfigRef | undefined {
  const mayTry = named !== undefined && named.seq > (live?.seq ?? -1) && !isNamedRejected
  return mayTry ? named : live
}

/** What the channel says, or said before it could not be read any more. */
export function lastSeen(channel: ChannelView): SeenChannel | undefined {
  if (channel.kind === 'unread') return undefined
  return channel.kind === 'seen' ? channel : channel.last
}

/** What is known of the channel; `seenLive`: by an earlier life of the agent, too. */
interface KnownChannel {
  channel: ChannelView
  named: ConfigRef | undefined
  seenLive: { ref: ConfigRef } | undefined
}

/**
 * Whether a config is one that this server was rolled out for and that it never saw live. A store
 * that is away changes nothing about that: what is live cannot be asked then.
 */
export function isTrial(
  { channel, named, seenLive }: KnownChannel,
  ref: ConfigRef | undefined,
): boolean {
  if (ref === undefined || !isSame(ref, named)) return false
  const seen = lastSeen(channel)
  const live = seen === undefined ? seenLive?.ref : seen.live
  return ref.seq > (live?.seq ?? -1)
}

/**
 * A server must not get ready on such a config, nor stay so with something of it left out. One that
 * is ready with all of it waits to be told.
 */
function leaveRejected(observed: Observed): Action | undefined {
  const { channel, config, isOpen } = observed
  if (channel.kind !== 'seen' || !channel.isNamedRejected) return undefined
  if (isOpen && config?.isComplete === true) return undefined
  return isTrial(observed, config?.ref) ? { kind: 'apply', ref: channel.live } : undefined
}

/** Ready, but not before the channel was read once more (left out while the store is away). */
function open(observed: Observed): Action | undefined {
  const { channel, config, isOpen, mayOpen } = observed
  if (config === undefined || isOpen || !mayOpen) return undefined
  // What was never live may not get ready with anything left out, nor once it was rejected.
  const mayTry = config.isComplete && lastSeen(channel)?.isNamedRejected !== true
  if (!mayTry && isTrial(observed, config.ref)) return undefined
  const isStale = channel.kind === 'seen' && channel.readAt < config.confirmedAt
  return { kind: isStale ? 'look' : 'open' }
}

const isSame = (a: ConfigRef | undefined, b: ConfigRef | undefined): boolean =>
  a !== undefined && b !== undefined && a.sha === b.sha && a.seq === b.seq

/** How many models of a starting config may be missing, each for a proven fault of its own. */
export const missingMax = (models: number): number => Math.max(1, Math.floor(models / 100))
