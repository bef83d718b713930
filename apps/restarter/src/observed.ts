import type { RolloutStatus } from '@drover/kube'
import type {
  Channel,
  ConfigRef,
  Culprit,
  ServerState,
  RestarterFields,
  TemplatePair,
  Rollout,
} from '@drover/model-config'

/** Under which name Kubernetes notes what this app writes. */
export const FIELD_MANAGER = 'drover-restarter'

/** The waits and bounds that a plan goes by; times in milliseconds. */
export interface Limits {
  /** How often the holder of a rollout raises `beat`. */
  beatMs: number
  /** How long a foreign beat may stand still before its rollout is taken over. */
  takeoverMs: number
  /** How long a server may be silent before it counts as gone. */
  silentMs: number
  /** How long a server may take to apply a config. */
  applyMs: number
  /** The pause before a server that refused a command is told again. */
  retryMs: number
  /** How many servers may apply at once after the canary confirmed. */
  parallel: number
  /** How long a server may take to replace its model server. */
  recycleMs: number
  /** How long a roll may come no further, and how long going back from one may take. */
  rollMs: number
  /** The age at which a model server process is replaced. */
  recycleAgeMs: number
  /** The shortest time between two replacements in the fleet. */
  recycleIntervalMs: number
  /** The resident size above which a model server process is replaced; none unless told. */
  residentBytesMax: number | undefined
}

/** Limits for one machine; the settings of the app say which may be set. */
export const LIMITS: Limits = {
  beatMs: 5_000,
  takeoverMs: 20_000,
  silentMs: 3_000,
  applyMs: 60_000,
  retryMs: 1_000,
  parallel: 2,
  recycleMs: 120_000,
  rollMs: 3_600_000,
  recycleAgeMs: 86_400_000,
  recycleIntervalMs: 0,
  residentBytesMax: undefined,
}

/** The last command that this process sent to a server. A restart of this process forgets it. */
export interface Command extends ConfigRef {
  kind: 'apply' | 'recycle'
  fence: number
  /** When it was sent, and when this process first asked for the same config. */
  at: number
  since: number
  /** The server was not ready and was offered the config because no other was. */
  offered: boolean
  /** The start of the agent's life, and its recycles, as seen when it was sent. */
  startedAt: string | undefined
  recycles: number
  /** Refused: it could not. Outdone: it has heard a higher fence. Lost: no answer came. */
  outcome: 'pending' | 'answered' | 'refused' | 'outdone' | 'lost'
  endedAt: number | undefined
  failed: readonly Culprit[]
  message: string | undefined
}

/** One server as it is seen now. */
export interface ObservedServer {
  url: string
  /** Undefined: it does not answer, or with no state. */
  state: ServerState | undefined
  /** It answers, but with what is no state: it is not silent, and nobody knows how it is. */
  isUnclear: boolean
  /** Since when there is no state of it. */
  silentSince: number | undefined
  /** Whether it was ready when it last answered. */
  wasReady: boolean
  /**
   * Whether it went silent while it may have been applying the rollout's config, or answers with no
   * state since it was given that.
   */
  wasApplying: boolean
  /** It said that it was about to end, and is silent now. */
  hasEnded: boolean
  command: Command | undefined
}

/** A server that fell silent, or whose agent ended, while it was applying the rollout's config. */
export interface Loss {
  url: string
  at: number
  /** When it had been told; -1 when another process told it. */
  told: number
}

/** The Deployment of the servers as it is seen now. */
export interface SeenDeployment {
  kind: 'seen'
  resourceVersion: string
  /** Our two annotations of its pod template, and a digest of the rest of that. */
  pair: TemplatePair
  templateSha: string
  /** Who wrote the annotation of the config last. */
  manager: string | undefined
  /** The last fence that it was touched with. */
  touch: number | undefined
  status: RolloutStatus
  /** How many pods there are to be, and how many of them are made from the template. */
  replicas: number
  updated: number
  /** Rises with each pod that is replaced. */
  progress: number
  /** Why pods do not get ready, for people; `mayPass`: waiting may mend all of it. */
  trouble: { message: string; mayPass: boolean } | undefined
}

/** `none`: the servers are no pods, or nobody told whose. */
export type DeploymentView = { kind: 'none' } | { kind: 'away'; why: string } | SeenDeployment

/** `restart`: every config comes by a roll, as the original scheme does it. */
export type Delivery = 'reload' | 'restart'

/** Whether what is seen of the Deployment decides what is done next, so that it is read anew. */
export function needsDeployment(rollout: Rollout | undefined, delivery: Delivery): boolean {
  const { kind, template } = rollout?.step ?? {}
  const isByReload = kind === 'apply' || kind === 'recycle'
  return template !== undefined || (delivery === 'restart' && !isByReload)
}

/** The world as one plain value: all that a plan may go by. */
export interface Observed {
  /** Monotonic milliseconds of this process, standing still while the store is away. */
  now: number
  /** The wall clock in UTC, for records and for the age of servers. */
  at: string
  holder: string
  /**
   * The name that this process keeps over its lives, where a supervisor makes sure that only one
   * of them exists: then a rollout of an earlier life is taken over without waiting.
   */
  instance: string | undefined
  /** Why the store cannot be had; then nothing is done. */
  away: string | undefined
  channel: Channel | undefined
  /** Culprits that the candidate still holds, and why it cannot be read. */
  held: readonly Culprit[]
  fault: string | undefined
  servers: readonly ObservedServer[]
  /** Since when the rollout's beat stands still. */
  beatSince: number
  /** Since when this process knows the rollout under its holder, and in its present step. */
  rolloutSince: number
  stepSince: number
  /** The fence under which this process took the rollout over from another. */
  tookOver: number | undefined
  losses: readonly Loss[]
  /** Since when no server is ready; undefined while one is. */
  noneReadySince: number | undefined
  /** When a rollout last ended that was to bring the pod template back. */
  returnedAt: number | undefined
  delivery: Delivery
  /** Read before the channel. */
  deployment: DeploymentView
  /** Whether it was read when the channel was as it is now, so that no rollout can be hidden. */
  isCurrent: boolean
  /** Since when it has come no further in the rollout's present step. */
  progressSince: number
  /** Since when it has not kept that step's pair; undefined once it has for a while. */
  unmetSince: number | undefined
  /** When the windows open next; undefined while model servers may be replaced. */
  closedUntil: string | undefined
  limits: Limits
}

/** The fields of the channel that a plan changes. `undefined` removes one. */
export type Change = Partial<RestarterFields>

/** One thing to do, with its reason. */
export type Action =
  | {
      kind: 'write'
      what:
        | 'take'
        | 'take over'
        | 'step'
        | 'beat'
        | 'live'
        | 'reject'
        | 'back'
        | 'release'
        | 'undo'
        | 'undone'
        | 'template'
      change: Change
      why: string
      /** What is over or was asked for with this write, for the audit; `id` names it for ever. */
      record?: { id: string; what: string }
    }
  | {
      kind: 'apply'
      fence: number
      tell: readonly (ConfigRef & { url: string })[]
      offered: boolean
      why: string
    }
  /** Against the resourceVersion that was read, so that whoever came in between is not overwritten. */
  | { kind: 'patch'; pair: TemplatePair; resourceVersion: string; why: string }
  | { kind: 'touch'; fence: number; why: string }
  | { kind: 'recycle'; fence: number; url: string; recycles: number; why: string }

/** What a plan says: an action or none, why, and whose confirmation `live` would need now. */
export interface Decision {
  action: Action | undefined
  why: string
  required: readonly string[]
}

/** Whether two refer to the same config under the same seq. */
export function isSameRef(a: ConfigRef | undefined, b: ConfigRef): boolean {
  return a !== undefined && a.sha === b.sha && a.seq === b.seq
}

export const isSamePair = (a: TemplatePair, b: TemplatePair): boolean =>
  a.config === b.config && a.restart === b.restart

/** The channel's next state: the publisher's fields stay as they were read. */
export function nextChannel(channel: Channel, change: Change, attempt: string): Channel {
  return { ...channel, ...change, seq: channel.seq + 1, attempt }
}
