import { z } from 'zod'
import { digestOf } from './canonical.ts'
import { Digest, Instant, Name, Traceparent, Version } from './names.ts'
import { Data } from './spec.ts'

export const FILES_MAX = 10_000
const PATH_CHARACTERS_MAX = 512
const REASON_CHARACTERS_MAX = 4_096

/** The file of a SavedModel, and the text that may be there in its place. */
export const SAVED_MODEL_FILES = ['saved_model.pb', 'saved_model.pbtxt'] as const

/** What an output may not call a file: names that the protocol gives a meaning. */
export const RESERVED_FILES = ['CLAIM', 'MANIFEST', 'VERDICT'] as const

/** A path below a version's folder: relative, with `/`, without empty, `.` or `..` parts. */
export const FilePath = z
  .string()
  .max(PATH_CHARACTERS_MAX)
  .refine(
    (path) =>
      path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') &&
      !/[\0\\]/.test(path),
    'a relative path without empty, . or .. parts',
  )

export const FileEntry = z.strictObject({
  path: FilePath,
  sizeBytes: z.int().nonnegative(),
  sha256: Digest,
})
export type FileEntry = z.output<typeof FileEntry>

const Reason = z.string().max(REASON_CHARACTERS_MAX)

/** `CLAIM.json`: takes a version number for one run. */
export const Claim = z.strictObject({
  format: z.literal(1),
  run: z.uuid(),
  request: z.string(),
  born: z.int().positive(),
  traceparent: Traceparent,
  host: z.string(),
  at: Instant,
  /** After this anybody may give the claim up for the run. */
  deadline: Instant,
})
export type Claim = z.output<typeof Claim>

/** How good a version is on rows it was not trained on, against the answer that needs no model. */
export const Quality = z.strictObject({
  /** `folds`: pooled over five folds by hash; `fifth`: one held-out fifth. */
  heldOut: z.enum(['folds', 'fifth']),
  rows: z.int().nonnegative(),
  classes: z.int().positive(),
  logLoss: z.number(),
  /** Log loss of answering with the class shares of the training rows. */
  priorLogLoss: z.number(),
  accuracy: z.number(),
  /** Accuracy of always answering the commonest class. */
  commonestAccuracy: z.number(),
})
export type Quality = z.output<typeof Quality>

/** What a version was made from: compared with what is wanted to see whether a model is due. */
export const Lineage = z.strictObject({
  specDigest: Digest.optional(),
  data: Data.optional(),
  dataDigest: Digest.optional(),
  trainRequestedAt: Instant.optional(),
  slot: z.int().optional(),
  recipe: Name,
})
export type Lineage = z.output<typeof Lineage>

/** `MANIFEST.json`, when the run won: written last, so that a version without it does not exist. */
export const CommittedManifest = z.strictObject({
  format: z.literal(1),
  run: z.uuid(),
  request: z.string(),
  born: z.int().positive(),
  traceparent: Traceparent,
  files: z.array(FileEntry).min(1).max(FILES_MAX),
  /** The digest of `files`: what verdicts and configs are bound to. */
  digest: Digest,
  sizeBytes: z.int().nonnegative(),
  quality: Quality.optional(),
  lineage: Lineage,
  queuedAt: Instant,
  startedAt: Instant,
  at: Instant,
})
export type CommittedManifest = z.output<typeof CommittedManifest>

/** `MANIFEST.json`, when somebody gave the claim up: the version never existed. */
export const AbortedManifest = z.strictObject({
  format: z.literal(1),
  run: z.uuid(),
  request: z.string(),
  born: z.int().positive(),
  aborted: Reason,
  by: z.string(),
  at: Instant,
})
export type AbortedManifest = z.output<typeof AbortedManifest>

export const Manifest = z.union([CommittedManifest, AbortedManifest])
export type Manifest = z.output<typeof Manifest>

export function isCommitted(manifest: Manifest): manifest is CommittedManifest {
  return !('aborted' in manifest)
}

/** `data/<tenant>/<model>/<sha256>.json`: written after the upload itself, so that it is whole when this is there. */
export const DataRecord = z.strictObject({
  format: z.literal(1),
  sha256: Digest,
  sizeBytes: z.int().nonnegative(),
  at: Instant,
})
export type DataRecord = z.output<typeof DataRecord>

/** The digest of a list of files, whatever their order. */
export function digestOfFiles(files: readonly FileEntry[]): string {
  return digestOf(files.toSorted((a, b) => (a.path < b.path ? -1 : 1)))
}

/** Why a run failed, which says what may be done about it. */
export const FailureClass = z.enum(['transient', 'data', 'poison'])
export type FailureClass = z.output<typeof FailureClass>

/** `runs/<tenant>/<model>/<run>.json`: a run that committed nothing. */
export const Run = z.strictObject({
  format: z.literal(1),
  run: z.uuid(),
  request: z.string(),
  /** `TrainingRequest.cause`: failures are counted over all slots of a schedule. */
  cause: z.string().optional(),
  born: z.int().positive(),
  version: Version.optional(),
  failure: FailureClass,
  reason: Reason,
  startedAt: Instant,
  at: Instant,
  traceparent: Traceparent,
})
export type Run = z.output<typeof Run>

/** One thing the gate looked at. */
export const Check = z.strictObject({
  name: z.string(),
  pass: z.boolean(),
  reason: Reason,
  /** Every number the check rests on. */
  numbers: z.record(z.string(), z.number()).optional(),
})
export type Check = z.output<typeof Check>

/** `verdicts/<tenant>/<model>/<version>/<n>.json`: the highest n stands. */
export const Verdict = z.strictObject({
  format: z.literal(1),
  n: z.int().positive(),
  pass: z.boolean(),
  /** The manifest's digest that was judged. */
  digest: Digest,
  by: z.enum(['gate', 'rollout', 'person']),
  reason: Reason,
  checks: z.array(Check).default([]),
  /** The engine that serves the version. */
  engine: z.enum(['kernel', 'onnx', 'tensorflow']).optional(),
  /** What the gate made, below `<n>/`, and the digest of it. */
  files: z.array(FileEntry).default([]),
  made: Digest,
  /** A rollout's verdict binds in its own fleet only. */
  fleet: Name.optional(),
  rejectedSeq: z.int().positive().optional(),
  at: Instant,
})
export type Verdict = z.output<typeof Verdict>
