import {
  Claim,
  claimKey,
  Manifest,
  manifestKey,
  type ModelId,
  modelsPrefix,
  Run,
  runKey,
  runsPrefix,
  Tenant,
  tenantKey,
} from '@drover/model-config'
import { type ModelStore, readJson, readStateJson } from '@drover/model-store'
import { ownerOf } from './host.ts'
import type { Observed, ObservedVersion } from './plan.ts'

/** A request's claims are among its model's newest: it fails at most `ATTEMPTS_MAX` times. */
const VERSIONS_READ_MAX = 64
const RUNS_READ_MAX = 64

/** Everything about one model that a plan needs, as the store shows it at `now`. */
export async function observe(store: ModelStore, model: ModelId, now: number): Promise<Observed> {
  const [tenant, versions, runs] = await Promise.all([
    readTenant(store, model.tenant),
    readVersions(store, model),
    readRuns(store, model),
  ])
  return { now, model, tenant, versions, runs }
}

/** The tenant's object; undefined when there never was one. */
export async function readTenant(store: ModelStore, tenant: string): Promise<Tenant | undefined> {
  return await readStateJson(store, tenantKey(tenant), Tenant)
}

/** The newest numbers of a model, highest first. */
export async function readVersions(store: ModelStore, model: ModelId): Promise<ObservedVersion[]> {
  const names = await store.list(modelsPrefix(model))
  const newest = names
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .toSorted((a, b) => b - a)
    .slice(0, VERSIONS_READ_MAX)
  return await Promise.all(newest.map(async (version) => await readVersion(store, model, version)))
}

async function readVersion(
  store: ModelStore,
  model: ModelId,
  version: number,
): Promise<ObservedVersion> {
  const claim = await readJson(store, claimKey(model, version), Claim)
  // Before the manifest: a run that ends between the two looks is then seen by what it left.
  const owner = claim === undefined ? 'unknown' : ownerOf(claim)
  const manifest = await readJson(store, manifestKey(model, version), Manifest)
  return { version, claim, manifest, owner }
}

/** The newest runs that committed nothing; their names sort by time. */
export async function readRuns(store: ModelStore, model: ModelId): Promise<Run[]> {
  const names = (await store.list(runsPrefix(model))).slice(-RUNS_READ_MAX)
  const runs = await Promise.all(
    names.map(
      async (name) => await readJson(store, runKey(model, name.replace(/\.json$/, '')), Run),
    ),
  )
  return runs.filter((run) => run !== undefined)
}
