import {
  type ConfigEntry,
  type Models,
  openUndo,
  parseServedName,
  type Tenant,
} from '@drover/model-config'
import { isDeclared, type PublicationObserved } from './observed.ts'

/** The pins of one tenant that an undo calls for: all of them, written at once. */
export interface DuePins {
  /** As it was seen: what was re-created since is not bound by its pins. */
  tenant: Tenant
  /** The seq at which the undo was asked for. */
  asked: number
  by: string
  why: string
  pins: Readonly<Record<string, number | 'none'>>
}

/** The models whose version in the config of an undo is not the one in the candidate, or in `live`. */
export function namesToUndo(
  configs: Pick<PublicationObserved, 'undo' | 'base' | 'live'>,
): string[] {
  const { undo, base, live } = configs
  if (undo === undefined) return []
  const names = new Set([undo, base, live].flatMap((models) => Object.keys(models)))
  return [...names].filter((name) => {
    const there = tagOf(undo[name])
    return there !== tagOf(base[name]) || there !== tagOf(live[name])
  })
}

const tagOf = (entry: ConfigEntry | undefined): string =>
  entry === undefined ? 'none' : `${entry.born}/${entry.versions[0]?.version}`

/** Of those, the ones that are declared: specs and tombstones come before an undo. */
export function undoneNames(observed: PublicationObserved): string[] {
  return namesToUndo(observed).filter((name) => {
    const each = observed.named[name]
    return each !== undefined && isDeclared(name, each, observed.fleet)
  })
}

/** What is still to be pinned for the undo, tenant by tenant. */
export function duePins(observed: PublicationObserved): DuePins[] {
  const { channel, fleet, named, undo } = observed
  const open = openUndo(channel)
  if (open === undefined || undo === undefined) return []
  const due = new Map<Tenant, Record<string, number | 'none'>>()
  for (const name of undoneNames(observed)) {
    const { tenant, controls } = named[name] ?? {}
    // Carried out once: a pin that was released since stays released.
    if (tenant === undefined || (controls?.undone?.[fleet] ?? -1) >= open.asked) continue
    const { model } = parseServedName(name)
    const born = tenant.models[model]?.born
    due.set(tenant, { ...due.get(tenant), [model]: targetIn(undo, name, born) })
  }
  const { asked, by, why = `undo to config ${open.seq}` } = open
  return Array.from(due, ([tenant, pins]) => ({ tenant, asked, by, why, pins }))
}

/** What an earlier owner had under the name is not given to the present one. */
function targetIn(undo: Models, name: string, born: number | undefined): number | 'none' {
  const entry = undo[name]
  return entry?.born === born ? (entry?.versions[0]?.version ?? 'none') : 'none'
}
