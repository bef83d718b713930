import type { Channel, Controls } from './channel.ts'
import { isRejected } from './channel.ts'
import type { ConfigVersion } from './fleet-config.ts'
import { servedName } from './names.ts'
import type { Tenant } from './spec.ts'
import { type CommittedManifest, isCommitted, type Manifest, type Verdict } from './version.ts'

/** A version as the store shows it. No manifest: it is still being made. */
export interface VersionRecord {
  version: number
  manifest: Manifest | undefined
  /** In any order. */
  verdicts: readonly Verdict[]
}

/** A committed version of the present owner. */
export interface UsableVersion extends VersionRecord {
  manifest: CommittedManifest
}

/** The versions that count: committed, and born with the model that is declared now. Highest first. */
export function usableVersions(
  versions: readonly VersionRecord[],
  born: number | undefined,
): UsableVersion[] {
  return versions
    .filter(
      (each): each is UsableVersion =>
        each.manifest !== undefined && isCommitted(each.manifest) && each.manifest.born === born,
    )
    .toSorted((a, b) => b.version - a.version)
}

/** The verdict that stands in a fleet: the highest n on this very content that binds there. */
export function standingVerdict(version: UsableVersion, fleet: string): Verdict | undefined {
  return version.verdicts
    .filter(
      (verdict) =>
        verdict.digest === version.manifest.digest &&
        (verdict.fleet === undefined || verdict.fleet === fleet),
    )
    .toSorted((a, b) => b.n - a.n)[0]
}

/** What a config says of a version that passes; undefined when it does not. */
export function passing(version: UsableVersion, fleet: string): ConfigVersion | undefined {
  const verdict = standingVerdict(version, fleet)
  if (verdict === undefined || !verdict.pass) return undefined
  return {
    version: version.version,
    manifest: version.manifest.digest,
    verdict: verdict.n,
    made: verdict.made,
  }
}

/**
 * The version of a model that a new config serves (PROTOCOL 5): the pinned one, else the highest
 * that passes in this fleet; none for a tombstone, a removed model or another fleet's tenant.
 */
export function chooseVersion(
  tenant: Tenant | undefined,
  model: string,
  fleet: string,
  versions: readonly VersionRecord[],
  controls: Controls | undefined,
): ConfigVersion | undefined {
  if (tenant === undefined || tenant.tombstone || tenant.spec.fleet !== fleet) return undefined
  if (tenant.spec.models[model] === undefined) return undefined
  const usable = usableVersions(versions, tenant.models[model]?.born)
  const pin = controls?.pins[model]
  const bound = pin?.born === tenant.models[model]?.born ? pin?.version : undefined
  if (bound === 'none') return undefined
  // A pin was set because something newer is bad: when the pinned version is gone or fails, only
  // older ones may take its place.
  return usable
    .filter(({ version }) => bound === undefined || version <= bound)
    .map((each) => passing(each, fleet))
    .find((each) => each !== undefined)
}

/** Whether the candidate still has to be rolled out. */
export function isPending(channel: Channel): boolean {
  const { candidate, live } = channel
  if (candidate === undefined || isRejected(channel, candidate)) return false
  return live === undefined || live.seq !== candidate.seq || live.sha !== candidate.sha
}

/** The name under which a tenant's model is served. */
export const nameOf = (tenant: Tenant, model: string): string =>
  servedName({ tenant: tenant.tenant, model })
