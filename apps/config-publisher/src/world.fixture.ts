import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bucketKey,
  Bucket,
  type Channel,
  channelKey,
  Channel as ChannelSchema,
  changeKey,
  type CommittedManifest,
  configKey,
  digestOfFiles,
  FleetConfig,
  manifestKey,
  type ModelId,
  sha256,
  type Tenant,
  tenantKey,
  type Verdict,
  verdictKey,
  versionPrefix,
} from '@drover/model-config'
import {
  createJson,
  type ModelStore,
  openPosixStore,
  readStateJson,
  requireJson,
  swapJson,
} from '@drover/model-store'
import { GOLDEN_PATH, type GoldenRequests } from '@drover/serving-api'
import { manifestOf, verdictOf } from './facts.fixture.ts'

const RECORD_TRACE = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`

/** A store in a folder of its own, and the other parts' share of writing to it. */
export interface World extends AsyncDisposable {
  store: ModelStore
  /** For versions that are being judged. */
  workDirectory: string
  /** Writes a tenant's next state. */
  putTenant(tenant: Tenant): Promise<void>
  /** Commits a version with these files, as a run does, and leaves a change record. */
  commit(
    id: ModelId,
    version: number,
    files: Files,
    more?: Partial<CommittedManifest>,
  ): Promise<void>
  /** A version that was judged already; its files do not matter. */
  addJudged(id: ModelId, version: number, pass?: boolean): Promise<void>
  channel(fleet?: string): Promise<Channel | undefined>
  /** What the candidate lists, read from the store: served name to version. */
  candidate(fleet?: string): Promise<Record<string, number>>
  /** Moves the channel as the restarter does. */
  moveChannel(change: (channel: Channel) => Partial<Channel>): Promise<void>
}

/** A version's files by path. */
export type Files = Record<string, Uint8Array | string>

/** A SavedModel, with golden requests if there are any. */
export const filesOf = (savedModel: Uint8Array, golden?: GoldenRequests): Files => ({
  'saved_model.pb': savedModel,
  ...(golden !== undefined && { [GOLDEN_PATH]: JSON.stringify(golden) }),
})

export async function startWorld(): Promise<World> {
  const root = await mkdtemp(join(tmpdir(), 'drover-publisher-'))
  const workDirectory = join(root, 'work')
  await mkdir(workDirectory)
  const store = await openPosixStore(join(root, 'store'))

  const channel = async (fleet = 'main') =>
    await readStateJson(store, channelKey(fleet), ChannelSchema)

  return {
    store,
    workDirectory,
    channel,
    async putTenant(tenant) {
      const state = await store.readState(tenantKey(tenant.tenant))
      const seq = (state?.seq ?? 0) + 1
      await swapJson(store, tenantKey(tenant.tenant), state?.seq, { ...tenant, seq })
    },
    async commit(id, version, files, more) {
      const at = new Date()
      const record = { format: 1, kind: 'commit', ...id, version, at: at.toISOString() }
      const change = { ...record, traceparent: RECORD_TRACE }
      await createJson(store, changeKey(at, `${id.tenant}-${id.model}-${version}`), change)
      await writeVersion(store, id, version, { files, more })
    },
    async addJudged(id, version, pass = true) {
      const manifest = manifestOf(version)
      await createJson(store, manifestKey(id, version), manifest)
      const verdict: Verdict = verdictOf(manifest, 1, pass)
      await createJson(store, verdictKey(id, version, 1), verdict)
    },
    async candidate(fleet = 'main') {
      const sha = (await channel(fleet))?.candidate?.sha
      return sha === undefined ? {} : await versionsIn(store, fleet, sha)
    },
    async moveChannel(change) {
      const before = await channel()
      if (before === undefined) throw new Error('there is no channel')
      const after = { ...before, ...change(before), seq: before.seq + 1, attempt: 'restarter' }
      if (!(await swapJson(store, channelKey('main'), before.seq, after))) {
        throw new Error('the channel moved')
      }
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function writeVersion(
  store: ModelStore,
  id: ModelId,
  version: number,
  { files, more }: { files: Files; more: Partial<CommittedManifest> | undefined },
): Promise<void> {
  const entries = Object.entries(files).map(([path, content]) => ({
    path,
    sizeBytes: Buffer.byteLength(content),
    sha256: sha256(content),
  }))
  for (const [path, content] of Object.entries(files)) {
    await store.create(`${versionPrefix(id, version)}/${path}`, content)
  }
  const manifest = manifestOf(version, { files: entries, digest: digestOfFiles(entries), ...more })
  await createJson(store, manifestKey(id, version), manifest)
}

async function versionsIn(
  store: ModelStore,
  fleet: string,
  sha: string,
): Promise<Record<string, number>> {
  const root = await requireJson(store, configKey(fleet, sha), FleetConfig)
  const versions: Record<string, number> = {}
  for (const digest of Object.values(root.buckets)) {
    const { models } = await requireJson(store, bucketKey(fleet, digest), Bucket)
    for (const [name, entry] of Object.entries(models)) {
      versions[name] = entry.versions[0]?.version ?? 0
    }
  }
  return versions
}
