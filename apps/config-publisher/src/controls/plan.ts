import {
  type Controls,
  type ModelId,
  type Models,
  passing,
  servedName,
  standingVerdict,
  type Tenant,
  usableVersions,
  type UsableVersion,
  type VersionRecord,
} from '@drover/model-config'

/** A tenant as a rollback sees it. */
export interface RollbackObserved {
  tenant: Tenant
  /** What `live` of its fleet lists. */
  live: Models
  /** By model. */
  versions: Readonly<Record<string, readonly VersionRecord[]>>
}

/** What somebody asked for: the highest passing version below the live one unless told. */
export interface RollbackWish {
  model?: string | undefined
  version?: number | 'none' | undefined
}

/** The version that each model is to be pinned to, or why that cannot be. */
export type RollbackPlan =
  | { pins: Readonly<Record<string, number | 'none'>> }
  | { refuse: string; status: 400 | 404 | 409 }

type Target = { version: number | 'none' } | { refuse: string; status: 400 | 404 | 409 }

/** Which pins a rollback writes: for one model, or for each model of the tenant that can go back. */
export function plan(observed: RollbackObserved, { model, version }: RollbackWish): RollbackPlan {
  const { tenant } = observed
  const declared = tenant.tombstone ? [] : Object.keys(tenant.spec.models)
  if (model !== undefined && !declared.includes(model)) {
    return { refuse: `${tenant.tenant} has no model ${model}`, status: 404 }
  }
  if (declared.length === 0) return { refuse: `${tenant.tenant} has no models`, status: 404 }
  if (model === undefined && version !== undefined && declared.length > 1) {
    return { refuse: `${tenant.tenant} has ${declared.length} models: say which`, status: 400 }
  }
  const targets = (model === undefined ? declared : [model]).map(
    (each) => [each, targetOf(observed, { tenant: tenant.tenant, model: each }, version)] as const,
  )
  const pins = targets.flatMap(([each, target]) =>
    'version' in target ? [[each, target.version] as const] : [],
  )
  if (pins.length > 0) return { pins: Object.fromEntries(pins) }
  const [refusal] = targets.flatMap(([, target]) => ('refuse' in target ? [target] : []))
  return refusal ?? { refuse: `${tenant.tenant} cannot go back`, status: 409 }
}

function targetOf(
  { tenant, live, versions }: RollbackObserved,
  id: ModelId,
  version: number | 'none' | undefined,
): Target {
  const { fleet } = tenant.spec
  const name = servedName(id)
  const usable = usableVersions(versions[id.model] ?? [], tenant.models[id.model]?.born)
  if (version === 'none') return { version }
  if (version !== undefined) return givenTarget(name, fleet, { usable, version })
  const served = live[name]?.versions[0]?.version
  if (served === undefined) {
    return {
      refuse: `${name} is not live in ${fleet}, so there is nothing to go back from`,
      status: 409,
    }
  }
  const older = usable.find((each) => each.version < served && passing(each, fleet) !== undefined)
  return older === undefined
    ? {
        refuse: `no version of ${name} below ${served} passes, so there is none to go back to`,
        status: 409,
      }
    : { version: older.version }
}

function givenTarget(
  name: string,
  fleet: string,
  { usable, version }: { usable: readonly UsableVersion[]; version: number },
): Target {
  const found = usable.find((each) => each.version === version)
  if (found === undefined) return { refuse: `${name} has no version ${version}`, status: 404 }
  if (passing(found, fleet) !== undefined) return { version }
  const why = standingVerdict(found, fleet)?.reason ?? 'it has not been judged'
  return { refuse: `version ${version} of ${name} does not pass: ${why}`, status: 409 }
}

/** Who pins what, and why. */
export interface PinNote {
  by: string
  why: string
  at: string
  /** The undo that pins, by the seq at which it was asked for. */
  undo?: number
}

/** The pins after a rollback: those of models that are not meant stay as they are. */
export function withPins(
  before: Controls['pins'],
  { tenant, pins, note }: { tenant: Tenant; pins: Record<string, number | 'none'>; note: PinNote },
): Controls['pins'] {
  const added = Object.entries(pins).flatMap(([model, version]) => {
    const born = tenant.models[model]?.born
    return born === undefined ? [] : [[model, { version, born, ...note }] as const]
  })
  return { ...before, ...Object.fromEntries(added) }
}

/** The pins after a release; undefined when there were none. */
export function withoutPins(
  before: Controls['pins'],
  models: readonly string[],
): Controls['pins'] | undefined {
  const kept = Object.entries(before).filter(([each]) => !models.includes(each))
  return kept.length === Object.keys(before).length ? undefined : Object.fromEntries(kept)
}

/** Which of the pins that undos wrote are to go: all of them, or those that keep newcomers out. */
export type Undone = 'all' | 'newcomers'

/** The models whose pin an undo wrote. */
export const undonePins = (pins: Controls['pins'], which: Undone): string[] =>
  Object.entries(pins)
    .filter(
      ([, { undo, version }]) => undo !== undefined && (which === 'all' || version === 'none'),
    )
    .map(([model]) => model)
