import { mapBounded } from '@drover/basics'
import {
  type ConfigEntry,
  type Controls,
  type ModelId,
  type Models,
  servedName,
  standingVerdict,
  type Tenant,
  usableVersions,
  type UsableVersion,
  type VersionRecord,
} from '@drover/model-config'
import { isObjectFault } from '@drover/model-store'
import type { Gate } from './gate/gate.ts'
import { CONFIGS_CACHED_MAX, NO_CONFIG, type Records } from './records.ts'

const MODELS_AT_ONCE = 8
/** About how many configs one may ask: with the candidate and the live one they are kept in memory. */
export const CONFIGS_ASKED_MAX = CONFIGS_CACHED_MAX - 2

/** The body of `GET /v1/tenants/{tenant}`: its versions, how they were judged, and what runs. */
export type TenantView = Awaited<ReturnType<typeof viewTenant>>

/**
 * Reads it anew; undefined for a tenant that never was. `shas`: configs, such as those that servers are
 * on, of which it says as well what they list of each model.
 */
export async function viewTenant(
  { records, gate }: { records: Records; gate: Gate },
  name: string,
  shas: readonly string[] = [],
) {
  const tenant = await records.tenant(name)
  if (tenant === undefined) return undefined
  const { fleet } = tenant.spec
  const [controls, channel] = await Promise.all([records.controls(name), records.channel(fleet)])
  const [candidate, live] = await Promise.all(
    [channel?.candidate, channel?.live].map(async (ref) =>
      ref === undefined ? NO_CONFIG : await records.config(fleet, ref.sha),
    ),
  )
  const asked = await mapBounded(shas, CONFIGS_ASKED_MAX, async (sha) => {
    return [sha, await findConfig(records, fleet, sha)] as const
  })
  const configs = { candidate: candidate?.models ?? {}, live: live?.models ?? {}, asked }
  const models = await mapBounded(
    Object.keys(tenant.spec.models),
    MODELS_AT_ONCE,
    async (model) => {
      const view = await viewModel(records, gate, { tenant, model, controls, configs })
      return [model, view] as const
    },
  )
  return {
    tenant: name,
    fleet,
    tombstone: tenant.tombstone,
    generation: tenant.generation,
    candidate: channel?.candidate,
    live: channel?.live,
    models: Object.fromEntries(models),
  }
}

async function viewModel(
  records: Records,
  gate: Gate,
  subject: {
    tenant: Tenant
    model: string
    controls: Controls | undefined
    configs: { candidate: Models; live: Models; asked: readonly (readonly [string, Models])[] }
  },
) {
  const { tenant, model, controls, configs } = subject
  const id = { tenant: tenant.tenant, model }
  const name = servedName(id)
  const born = tenant.models[model]?.born
  const { found, error } = await readVersions(records, id)
  const usable = usableVersions(found, born)
  const pin = controls?.pins[model]
  return {
    name,
    born,
    pin: pin?.born === born ? pin : undefined,
    candidate: versionIn(configs.candidate[name]),
    live: versionIn(configs.live[name]),
    /** Its version in each config that was asked about and lists it. */
    listedIn: Object.fromEntries(
      configs.asked.flatMap(([sha, listed]) => {
        const version = versionIn(listed[name])
        return version === undefined ? [] : [[sha, version]]
      }),
    ),
    versions: usable.map((version) => viewVersion(version, gate, tenant.spec.fleet)),
    /** Which object hides the versions, when one cannot be read. */
    error,
  }
}

/** What a config lists: nothing where it is another fleet's, gone, or cannot be read. */
async function findConfig(records: Records, fleet: string, sha: string): Promise<Models> {
  try {
    return (await records.config(fleet, sha)).models
  } catch (error) {
    if (!isObjectFault(error)) throw error
    return {}
  }
}

/** One unreadable object must not hide the tenant's other models. */
async function readVersions(
  records: Records,
  id: ModelId,
): Promise<{ found: VersionRecord[]; error?: string }> {
  try {
    return { found: await records.versions(id) }
  } catch (error) {
    if (!isObjectFault(error)) throw error
    return { found: [], error: error.message }
  }
}

const versionIn = (entry: ConfigEntry | undefined): number | undefined =>
  entry?.versions[0]?.version

function viewVersion(version: UsableVersion, gate: Gate, fleet: string) {
  const { manifest } = version
  const verdict = standingVerdict(version, fleet)
  const { pass, reason, n, by, at, engine, checks } = verdict ?? {}
  const trouble = verdict === undefined ? gate.troubleOf(manifest.digest) : undefined
  return {
    version: version.version,
    at: manifest.at,
    queuedAt: manifest.queuedAt,
    startedAt: manifest.startedAt,
    traceparent: manifest.traceparent,
    sizeBytes: manifest.sizeBytes,
    quality: manifest.quality,
    verdict: verdict && { pass, reason, n, by, at, engine, checks },
    /** Why there is no verdict yet, when there was trouble. */
    trouble,
  }
}
