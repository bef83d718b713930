import {
  madePrefix,
  type ModelId,
  servedName,
  type Tenant,
  usableVersions,
  type UsableVersion,
} from '@drover/model-config'
import { type ModelStore, readJson } from '@drover/model-store'
import { isTypeName, type TypeName } from '@drover/serving-api'
import { z } from 'zod'
import { NO_CONFIG, type Records } from '../records.ts'
import type { LiveCallers } from './checks.ts'
import type { GateVersion } from './plan.ts'

const TensorInfo = z
  .object({
    name: z.string(),
    dtype: z.custom<TypeName>((value) => typeof value === 'string' && isTypeName(value)),
    shape: z.array(z.int()).optional(),
  })
  .transform(({ name, dtype, shape }) => ({ name, dtype, shape }))

/** `<n>/signatures.json`: how a version can be called, for the gate of the next one. */
export const SignaturesFile = z.strictObject({
  format: z.literal(1),
  signatures: z.record(
    z.string(),
    z.strictObject({
      methodName: z.string(),
      inputs: z.record(z.string(), TensorInfo),
      outputs: z.record(z.string(), TensorInfo),
    }),
  ),
})
export const SIGNATURES_NAME = 'signatures.json'

/** The gate's own verdict is the first; persons and rollouts write the next ones. */
export const GATE_N = 1

/** A model as the store shows it. */
export interface StoredModel {
  tenant: Tenant
  usable: readonly UsableVersion[]
  versions: readonly GateVersion[]
}

/** Reads a model and its versions; undefined when nobody declares it. */
export async function observe(records: Records, id: ModelId): Promise<StoredModel | undefined> {
  const tenant = await records.tenant(id.tenant)
  if (tenant === undefined || tenant.tombstone || tenant.spec.models[id.model] === undefined) {
    return undefined
  }
  const usable = usableVersions(await records.versions(id), tenant.models[id.model]?.born)
  const versions = usable.map(({ version, manifest, verdicts }) => ({
    version,
    digest: manifest.digest,
    judged: verdicts.length > 0,
  }))
  return { tenant, usable, versions }
}

/**
 * How the version in `live` is called, which a new one has to serve as well; undefined when none is
 * live, or when the new one was made from another spec and may change anything.
 */
export async function observeCallers(
  { store, records }: { store: ModelStore; records: Records },
  id: ModelId,
  { tenant, usable, judged }: StoredModel & { judged: UsableVersion },
): Promise<LiveCallers | undefined> {
  const { fleet } = tenant.spec
  const live = (await records.channel(fleet))?.live
  const { models } = live === undefined ? NO_CONFIG : await records.config(fleet, live.sha)
  const version = models[servedName(id)]?.versions[0]?.version
  const served = usable.find((each) => each.version === version)
  if (version === undefined || served === undefined) return undefined
  const isSameSpec = served.manifest.lineage.specDigest === judged.manifest.lineage.specDigest
  if (!isSameSpec) return undefined
  const key = `${madePrefix(id, version, GATE_N)}/${SIGNATURES_NAME}`
  const made = await readJson(store, key, SignaturesFile)
  return made && { version, signatures: made.signatures }
}
