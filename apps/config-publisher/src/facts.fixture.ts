import {
  type Channel,
  type CommittedManifest,
  type ConfigEntry,
  type Controls,
  digestOf,
  digestOfFiles,
  emptyChannel,
  type ModelSpec,
  type Quality,
  type Tenant,
  TenantSpec,
  type Verdict,
  type VersionRecord,
} from '@drover/model-config'

// Values for tests of the plans: whole objects of the store with what a test says of them.

const AT = '2026-01-02T03:04:05.000Z'
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const RUN = '00000000-0000-4000-8000-000000000000'

/** A tenant that declares models with these names, or with these specs. */
export function tenantOf(
  tenant: string,
  models: readonly string[] | Record<string, Partial<ModelSpec>> = ['late'],
  more: Partial<Tenant> & { fleet?: string } = {},
): Tenant {
  const specs = Array.isArray(models) ? models.map((model) => [model, {}]) : Object.entries(models)
  const { fleet = 'main', ...rest } = more
  const spec = TenantSpec.parse({
    fleet,
    models: Object.fromEntries(
      specs.map(([model, each]) => [model, { recipe: { name: 'push' }, ...each }]),
    ),
  })
  const born = Object.keys(spec.models).map((model) => [model, { born: 1 }])
  return {
    format: 1,
    seq: 1,
    attempt: 'a',
    tenant,
    generation: 1,
    tombstone: false,
    spec,
    models: Object.fromEntries(born),
    changedAt: AT,
    traceparent: TRACEPARENT,
    ...rest,
  }
}

export function manifestOf(
  version: number,
  more: Partial<CommittedManifest> = {},
): CommittedManifest {
  const files = [
    { path: 'saved_model.pb', sizeBytes: 1, sha256: digestOf({ version, born: more.born ?? 1 }) },
  ]
  return {
    format: 1,
    run: RUN,
    request: `${version}`,
    born: 1,
    traceparent: TRACEPARENT,
    files,
    digest: digestOfFiles(files),
    sizeBytes: 1,
    lineage: { recipe: 'push' },
    queuedAt: AT,
    startedAt: AT,
    at: AT,
    ...more,
  }
}

export function verdictOf(
  manifest: CommittedManifest,
  n: number,
  pass: boolean,
  more: Partial<Verdict> = {},
): Verdict {
  return {
    format: 1,
    n,
    pass,
    digest: manifest.digest,
    by: 'gate',
    reason: pass ? 'good' : 'bad',
    checks: [],
    files: [],
    made: digestOfFiles([]),
    at: AT,
    ...more,
  }
}

/** A version: judged well, judged badly, or not yet judged. */
export function versionOf(
  version: number,
  judged: 'pass' | 'fail' | 'open' = 'pass',
  more: Partial<CommittedManifest> = {},
): VersionRecord & { manifest: CommittedManifest } {
  const manifest = manifestOf(version, more)
  const verdicts = judged === 'open' ? [] : [verdictOf(manifest, 1, judged === 'pass')]
  return { version, manifest, verdicts }
}

/** What a config lists for a version that the gate passed. */
export function entryOf(version: number, more: Partial<CommittedManifest> = {}): ConfigEntry {
  const { digest, born } = manifestOf(version, more)
  const made = digestOfFiles([])
  return { born, versions: [{ version, manifest: digest, verdict: 1, made }], labels: {} }
}

export function controlsOf(tenant: string, pins: Record<string, number | 'none'>): Controls {
  const noted = Object.entries(pins).map(([model, version]) => [
    model,
    { version, born: 1, by: 'test', why: 'test', at: AT },
  ])
  return { format: 1, seq: 1, attempt: 'a', tenant, pins: Object.fromEntries(noted) }
}

export function channelOf(more: Partial<Channel> = {}): Channel {
  return { ...emptyChannel('a'), ...more }
}

export const qualityOf = (more: Partial<Quality> = {}): Quality => ({
  heldOut: 'folds',
  rows: 812,
  classes: 2,
  logLoss: 0.48,
  priorLogLoss: 0.499,
  accuracy: 0.8,
  commonestAccuracy: 0.79,
  ...more,
})
