import { mapBounded } from '@drover/basics'
import {
  type AbortedManifest,
  type Change,
  changeKey,
  type Claim,
  claimKey,
  type CommittedManifest,
  digestOfFiles,
  type FileEntry,
  isCommitted,
  type Lineage,
  Manifest,
  manifestKey,
  type ModelId,
  type Quality,
  versionPrefix,
} from '@drover/model-config'
import { createJson, type ModelStore, requireJson } from '@drover/model-store'
import { endRun, HOST, startRun } from './host.ts'
import { newId } from './ids.ts'

// A version's states: no CLAIM -> claimed -> committed or aborted. MANIFEST.json is created if it
// is absent, so exactly one of the two ends is reached, whoever tries.

const UPLOADS_AT_ONCE = 4

/** A number that this process took and has not given back. */
export interface Claimed {
  model: ModelId
  version: number
  claim: Claim
}

export interface ClaimWish {
  version: number
  request: string
  born: number
  traceparent: string
  /** How long the run may take before anybody may give it up. */
  deadlineMs: number
  now: number
}

/** Takes a version's number; undefined when somebody else has it. Ends with `release`. */
export async function takeVersion(
  store: ModelStore,
  model: ModelId,
  wish: ClaimWish,
): Promise<Claimed | undefined> {
  const run = newId(wish.now)
  const claim: Claim = {
    format: 1,
    run,
    request: wish.request,
    born: wish.born,
    traceparent: wish.traceparent,
    host: HOST,
    at: new Date(wish.now).toISOString(),
    deadline: new Date(wish.now + wish.deadlineMs).toISOString(),
  }
  // Known to run before it can be seen, so that nobody here takes it for left behind.
  startRun(run)
  try {
    if (await createJson(store, claimKey(model, wish.version), claim)) {
      return { model, version: wish.version, claim }
    }
  } catch (error) {
    endRun(run)
    throw error
  }
  endRun(run)
  return undefined
}

/** Says that the run behind a claim has ended, however it ended. */
export const release = ({ claim }: Claimed): void => endRun(claim.run)

/** Uploads a version's files, and says what they hold. */
export async function storeFiles(
  store: ModelStore,
  { model, version }: Claimed,
  files: readonly { path: string; absolutePath: string }[],
): Promise<FileEntry[]> {
  const prefix = versionPrefix(model, version)
  return await mapBounded(files, UPLOADS_AT_ONCE, async ({ path, absolutePath }) => {
    const { sizeBytes, sha256 } = await store.createFile(`${prefix}/${path}`, absolutePath)
    return { path, sizeBytes, sha256 }
  })
}

/** What a manifest says beyond its files and its claim. */
export interface Made {
  files: FileEntry[]
  quality?: Quality | undefined
  lineage: Lineage
  queuedAt: string
  startedAt: string
}

/** Commits a version. False: somebody gave the claim up meanwhile, so the version does not exist. */
export async function commitVersion(
  store: ModelStore,
  { model, version, claim }: Claimed,
  made: Made,
  now: number,
): Promise<boolean> {
  const at = new Date(now).toISOString()
  const { run, request, born, traceparent } = claim
  const manifest: CommittedManifest = {
    format: 1,
    run,
    request,
    born,
    traceparent,
    ...made,
    digest: digestOfFiles(made.files),
    sizeBytes: made.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    at,
  }
  const change = { kind: 'commit', ...model, version, at, traceparent } as const
  await writeChange(store, change, now)
  if (await createJson(store, manifestKey(model, version), manifest)) return true
  const present = await requireJson(store, manifestKey(model, version), Manifest)
  return isCommitted(present) && present.run === run
}

/**
 * Ends a claim without a version. Gives the version that is there when it was committed after all:
 * then the request is done.
 */
export async function abortVersion(
  store: ModelStore,
  { model, version, claim }: Claimed,
  { why, by, now }: { why: string; by: string; now: number },
): Promise<CommittedManifest | undefined> {
  const { run, request, born } = claim
  const at = new Date(now).toISOString()
  const manifest: AbortedManifest = { format: 1, run, request, born, aborted: why, by, at }
  if (await createJson(store, manifestKey(model, version), manifest)) return undefined
  const present = await requireJson(store, manifestKey(model, version), Manifest)
  return isCommitted(present) ? present : undefined
}

/** Writes the record by which scans hear of a change; always before the change itself. */
export async function writeChange(
  store: ModelStore,
  change: Omit<Change, 'format'>,
  now: number,
): Promise<void> {
  const id = newId(now)
  await createJson(store, changeKey(new Date(now), id), { format: 1, ...change })
}
