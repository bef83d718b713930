import { parseServedName } from '@drover/model-config'
import type { FleetStatus, PublisherTenant } from './views.ts'

/** Of how many configs the publisher is asked what they list: as many as it answers at once. */
const CONFIGS_MAX = 6

/** Who serves the live version of a model. */
export interface ServedBy {
  /** Servers that say so: they are ready on a config that lists it, and it did not fail on them. */
  confirmed: number
  /** Servers that answer, but for those that are about to go. */
  servers: number
  /** Servers that are known and do not say how they are, such as a pod that has no image. */
  silent: number
}

type Server = FleetStatus['servers'][number]

/** The configs that servers are on, those of most servers first; `configs` of the publisher's question. */
export function configsOf({ servers }: FleetStatus): string[] {
  const counts = new Map<string, number>()
  for (const { state } of servers) {
    const sha = state?.config?.sha
    if (sha !== undefined) counts.set(sha, (counts.get(sha) ?? 0) + 1)
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, CONFIGS_MAX)
    .map(([sha]) => sha)
}

/**
 * Counts by what each server says of itself. A config that is newer than the live one may leave the
 * model out, and one that is older may list the same version.
 */
export function countServing(
  name: string,
  publisher: PublisherTenant | undefined,
  fleet: FleetStatus,
): ServedBy {
  const published = publisher?.models[parseServedName(name).model]
  const staying = fleet.servers.filter(({ leaving }) => !leaving)
  const answering = staying.filter(({ state }) => state !== null)
  const serves = ({ state }: Server): boolean => {
    const version = published?.live
    const sha = state?.config?.sha
    if (state?.ready !== true || version === undefined || sha === undefined) return false
    const isFailed = state.failed.some((each) => each.name === name && each.version === version)
    return published?.listedIn[sha] === version && !isFailed
  }
  return {
    confirmed: answering.filter(serves).length,
    servers: answering.length,
    silent: staying.length - answering.length,
  }
}

/** `2 of 3 servers`, and those that cannot be counted. */
export function describeServing({ confirmed, servers, silent }: ServedBy): string {
  const counted = `${confirmed} of ${servers} servers`
  if (silent === 0) return counted
  return `${counted} (${silent} more ${silent === 1 ? 'does' : 'do'} not answer)`
}
