import { z } from 'zod'
import { Digest, Instant, Name, ServedName, Version } from './names.ts'

export const PREVIOUS_MAX = 10
export const REJECTED_MAX = 100
const CULPRITS_MAX = 1_000
const REASON_CHARACTERS_MAX = 1_024
export const MANAGER_CHARACTERS_MAX = 200
export const ANNOTATION_CHARACTERS_MAX = 256

const Seq = z.int().nonnegative()

/** A config at the seq that made it candidate. */
export const ConfigRef = z.strictObject({ sha: Digest, seq: Seq })
export type ConfigRef = z.output<typeof ConfigRef>

const LiveRef = ConfigRef.extend({ at: Instant })

const COUNT = /^\d{1,16}$/
const ANNOTATION = /^(\d{1,16})-([0-9a-f]{64})$/

/** A config as the pod template's annotation `drover.dev/config` names it: `<seq>-<sha>`. */
export const annotationOf = ({ sha, seq }: ConfigRef): string => `${seq}-${sha}`

/** The config that an annotation names; undefined when it names none. No write of a config has seq 0. */
export function parseAnnotation(text: string): ConfigRef | undefined {
  const [, digits, sha] = ANNOTATION.exec(text) ?? []
  const seq = Number(digits ?? 0)
  return seq < 1 ? undefined : ConfigRef.safeParse({ sha, seq }).data
}

/** A pair without what is no annotation of ours: only such a one may be written. */
export function cleanPair({ config, restart }: TemplatePair): TemplatePair {
  return {
    ...(config !== undefined && parseAnnotation(config) !== undefined && { config }),
    ...(restart !== undefined && COUNT.test(restart) && { restart }),
  }
}

/** The two annotations of a pod template; one that is absent is to be absent. */
export const TemplatePair = z.strictObject({
  /** `<seq>-<sha>` of the config that its pods start with. */
  config: z.string().max(ANNOTATION_CHARACTERS_MAX).optional(),
  /** `restart.count` of the wish for which its pods were made. */
  restart: z.string().max(ANNOTATION_CHARACTERS_MAX).optional(),
})
export type TemplatePair = z.output<typeof TemplatePair>

/** A version that failed on a server, and how. */
export const Culprit = z.strictObject({
  name: ServedName,
  version: Version,
  /** The manifest's digest of the version. */
  digest: Digest,
  reason: z.string().max(REASON_CHARACTERS_MAX),
})
export type Culprit = z.output<typeof Culprit>

/** A config that did not work: for its models, for the server under it, or for a deadline. */
export const Rejection = ConfigRef.extend({
  kind: z.enum(['model', 'server', 'deadline']),
  culprits: z.array(Culprit).max(CULPRITS_MAX),
  why: z.string().max(REASON_CHARACTERS_MAX),
  at: Instant.optional(),
})
export type Rejection = z.output<typeof Rejection>

/** What a rollout is doing: written before it is done. */
export const RolloutStep = z.strictObject({
  kind: z.enum(['apply', 'back', 'recycle', 'roll']),
  /** The servers that may be disturbed in this step. */
  servers: z.array(z.string()),
  /** Of a roll and of going back from one: what the pod template is to say, and what it said before. */
  template: z
    .strictObject({
      to: TemplatePair,
      from: TemplatePair,
      /** A digest of the rest of the pod template, as it was when this was taken. */
      sha: Digest,
      /** Who had written the config's annotation last when this was taken. */
      manager: z.string().max(MANAGER_CHARACTERS_MAX).optional(),
      /** The Deployment was seen with `to`: a change after that is somebody else's. */
      seen: z.boolean(),
    })
    .optional(),
})
export type RolloutStep = z.output<typeof RolloutStep>

/** The right to disturb servers: who has it, for which config, since which write. */
export const Rollout = ConfigRef.extend({
  holder: z.string(),
  /** The channel's seq at the last write of this field; commands carry it. */
  fence: Seq,
  step: RolloutStep,
  /** Raised by the holder every few seconds; unchanged for long, somebody else takes over. */
  beat: z.int().nonnegative(),
  startedAt: Instant,
})
export type Rollout = z.output<typeof Rollout>

/** A config that was live before and is to be served again: the rollback of a whole fleet. */
export const Undo = ConfigRef.extend({
  by: z.string(),
  why: z.string().max(REASON_CHARACTERS_MAX).optional(),
  /** The channel's seq at the write that asked for it: a candidate above it holds the undo. */
  asked: Seq,
})
export type Undo = z.output<typeof Undo>

/** `fleets/<fleet>/channel.json`: the only object that says what a fleet runs. */
export const Channel = z.strictObject({
  format: z.literal(1),
  /** Raised by every write. */
  seq: Seq,
  /** Who wrote this state; tells one's own write from another's after a lost answer. */
  attempt: z.string(),
  // Written by the config-publisher:
  candidate: ConfigRef.optional(),
  prefetch: z.array(ServedName).default([]),
  // Written by the restarter:
  live: LiveRef.optional(),
  previous: z.array(LiveRef).max(PREVIOUS_MAX).default([]),
  rejected: z.array(Rejection).max(REJECTED_MAX).default([]),
  rollout: Rollout.optional(),
  restart: z
    .strictObject({
      /** Raised once for each wish. */
      count: z.int().nonnegative(),
      /** The id of the last wish, when and why it was made. */
      wish: z.string().optional(),
      at: Instant.optional(),
      why: z.string().max(REASON_CHARACTERS_MAX).optional(),
      /** By server name, the recycles at the time of the wish: a higher count has obeyed it. */
      recycles: z.record(z.string(), z.int().nonnegative()).optional(),
      /** The count whose roll failed: it is not tried again. */
      failed: z.int().nonnegative().optional(),
    })
    .default({ count: 0 }),
  /** What the pod template said, and a digest of the rest of it, when that was last looked after. */
  template: TemplatePair.extend({ sha: Digest }).optional(),
  undo: Undo.optional(),
  /** The last undo that somebody asked for by the pod template: a tool asks for the same again and again. */
  undoneByHand: ConfigRef.extend({
    by: z.string().max(MANAGER_CHARACTERS_MAX),
    at: Instant,
  }).optional(),
  freeze: z.strictObject({ by: z.string(), until: Instant, why: z.string() }).optional(),
})
export type Channel = z.output<typeof Channel>

/** The fields that one writer may change; the other's are copied as read. */
export type PublisherFields = Pick<Channel, 'candidate' | 'prefetch'>
export type RestarterFields = Pick<
  Channel,
  | 'live'
  | 'previous'
  | 'rejected'
  | 'rollout'
  | 'restart'
  | 'template'
  | 'undo'
  | 'undoneByHand'
  | 'freeze'
>

/** Whether a config was rejected. The same sha under a later seq is another try and may run. */
export function isRejected(channel: Channel, { sha, seq }: ConfigRef): boolean {
  return channel.rejected.some((rejection) => rejection.sha === sha && rejection.seq >= seq)
}

/** The undo that no candidate holds yet. */
export function openUndo({ undo, candidate }: Channel): Undo | undefined {
  return undo !== undefined && (candidate?.seq ?? -1) <= undo.asked ? undo : undefined
}

/** The undo that the candidate holds: it is carried out once that is live. */
export function heldUndo(channel: Channel): Undo | undefined {
  return openUndo(channel) === undefined ? channel.undo : undefined
}

/** The channel of a fleet as it is created. */
export function emptyChannel(attempt: string): Channel {
  return {
    format: 1,
    seq: 0,
    attempt,
    prefetch: [],
    previous: [],
    rejected: [],
    restart: { count: 0 },
  }
}

/** `controls/<tenant>.json`: what was decided by hand or by a rollback. */
export const Controls = z.strictObject({
  format: z.literal(1),
  seq: z.int().positive(),
  attempt: z.string(),
  tenant: Name,
  /** By model: the version that is served until the pin is released; `none` serves nothing. */
  pins: z.record(
    Name,
    z.strictObject({
      version: z.union([Version, z.literal('none')]),
      /** The model's `born` when it was pinned: a re-created model is not bound by it. */
      born: z.int().positive(),
      by: z.string(),
      why: z.string(),
      at: Instant,
      /** The undo that wrote it, by the seq at which it was asked for. */
      undo: Seq.exactOptional(),
    }),
  ),
  /** By fleet: the last undo whose pins were written; it is never carried out here again. */
  undone: z.record(Name, Seq).exactOptional(),
})
export type Controls = z.output<typeof Controls>
