import {
  type ApplyAnswer,
  type ConfigEntry,
  type ConfigRef,
  type Culprit,
  type Models,
  type ServerState,
  tellFailures,
} from '@drover/model-config'
import type { ChannelView, Command } from './plan.ts'
import type { ModelServer } from './serve/model-server.ts'

/** A command and whoever waits for its answer. */
export interface Pending {
  command: Command
  /** The trace that it belongs to. */
  traceparent: string
  resolve: (answer: ApplyAnswer | undefined) => void
  reject: (error: unknown) => void
}

/** What is confirmed on the model server. */
export interface Confirmed {
  /** Undefined for the empty config of a channel that has no `live`. */
  ref: ConfigRef | undefined
  /** What the config says. */
  models: Models
  /** Objects of the config itself: its root and buckets. */
  objects: readonly string[]
  failed: readonly Culprit[]
  drifting: ReadonlySet<string>
  /** By the clock of the plan. */
  confirmedAt: number
}

/** What an agent knows besides what is on its disk. Written by the agent's loop only. */
export interface Memory {
  channel: ChannelView
  /** The config that the annotation of this pod names. */
  readonly named: ConfigRef | undefined
  /** A look at the channel that is under way. */
  looking: Promise<void> | undefined
  server: ModelServer | undefined
  /** When the model server may be started next, and how often it ended since it last stayed up. */
  startAt: number
  ends: number
  /** The last end of a model server; `under` is the newly applied config that it ended under. */
  end: { under: ConfigRef | undefined; isNoted: boolean } | undefined
  /** What the model server serves, or is to serve again after an end: every entry was confirmed. */
  serving: Map<string, ConfigEntry>
  confirmed: Confirmed | undefined
  applying: ConfigRef | undefined
  /** When the config on the model server last changed: an end soon after is held against it. */
  changedAt: number
  isOpen: boolean
  /**
   * Whether it was ever ready: only then a model server may take requests. Before, it would answer
   * that there is no model, though there is.
   */
  wasOpen: boolean
  /** How many models were missing when an open server ended: these do not count when it is back. */
  missingBefore: number
  /** The highest fence seen. It is on disk before anything is done by it. */
  fence: number
  pending: Pending[]
  retryAt: number
  impaired: string | undefined
  /** This process has been asked to end. */
  isStopping: boolean
  startedAt: string
  /** Starts of model server processes, over the life of the cache. */
  recycles: number
}

export const makeMemory = (
  now: Date,
  { fence, recycles }: { fence: number; recycles: number },
  named: ConfigRef | undefined,
): Memory => ({
  channel: { kind: 'unread' },
  named,
  looking: undefined,
  server: undefined,
  startAt: 0,
  ends: 0,
  end: undefined,
  serving: new Map(),
  confirmed: undefined,
  applying: undefined,
  changedAt: -Infinity,
  isOpen: false,
  wasOpen: false,
  missingBefore: 0,
  fence,
  recycles,
  pending: [],
  retryAt: 0,
  impaired: undefined,
  isStopping: false,
  startedAt: now.toISOString(),
})

/** What an apply is answered with, and what an acknowledged one is answered with again. */
export function answerOf({ ref, models, failed }: Confirmed): ApplyAnswer | undefined {
  if (ref === undefined) return undefined
  const names = new Set(failed.map(({ name }) => name))
  const applied = Object.keys(models).length - names.size
  return { sha: ref.sha, seq: ref.seq, applied, ...tellFailures(failed) }
}

/** The parts of the reported state that memory knows. */
export type Report = Omit<
  ServerState,
  'residentBytes' | 'format' | 'server' | 'canRecycle' | 'restUrl'
>
