import assert from 'node:assert/strict'
import { isCommitted, type Models, openUndo, passing, usableVersions } from '@drover/model-config'
import { type NamedModel, namesToUndo, type PublicationObserved } from '@drover/config-publisher'
import type { Fleet } from './fleet.ts'
import { partsOf } from './world.ts'

const versionIn = (models: Models, name: string): number => models[name]?.versions[0]?.version ?? 0

/** The model's present birth as a publisher saw it; after a deletion, any that comes later. */
function lowestBorn(name: string, { tenant }: NamedModel): number {
  if (tenant === undefined) return 0
  return tenant.models[partsOf(name).model]?.born ?? tenant.seq + 1
}

/** Once a candidate of a fleet knew of a birth or of a deletion, none holds anything of an earlier owner. */
export function checkBorn(
  { known: { floors }, world: { versions } }: Fleet,
  { named }: PublicationObserved,
  models: Models,
): void {
  for (const [name, each] of Object.entries(named)) {
    floors.set(name, Math.max(floors.get(name) ?? 0, lowestBorn(name, each)))
  }
  for (const name of Object.keys(models)) {
    const version = versionIn(models, name)
    const born = versions.get(name)?.get(version)?.manifest?.born ?? 0
    const lowest = floors.get(name) ?? 0
    assert.ok(born >= lowest, `${name} ${version} of an old owner returned (${born} < ${lowest})`)
  }
}

/** The next candidate holds everybody's newest passing version, and nothing goes without a reason. */
export function checkKept({ base, named, fleet }: PublicationObserved, models: Models): void {
  for (const [name, each] of Object.entries(named)) {
    if (each.tenant?.spec.fleet === fleet && isPinned(name, each)) continue
    const newest = newestPassing(name, each, fleet)
    const version = versionIn(models, name)
    assert.equal(version, newest, `${name} was published at ${version}, its newest is ${newest}`)
  }
  for (const name of Object.keys(base)) {
    if (named[name] !== undefined) continue
    const isKept = versionIn(models, name) === versionIn(base, name)
    assert.ok(isKept, `${name} was lost though nobody looked at it`)
  }
}

function isPinned(name: string, { tenant, controls }: NamedModel): boolean {
  const { model } = partsOf(name)
  const pin = controls?.pins[model]
  return pin !== undefined && pin.born === tenant?.models[model]?.born
}

function newestPassing(name: string, { tenant, versions }: NamedModel, fleet: string): number {
  const born = tenant?.models[partsOf(name).model]?.born
  // Who moved to another fleet leaves this one.
  if (born === undefined || tenant?.spec.fleet !== fleet) return 0
  const mine = versions.filter(
    ({ manifest }) => manifest !== undefined && isCommitted(manifest) && manifest.born === born,
  )
  const passed = usableVersions(mine, born).filter((each) => passing(each, fleet) !== undefined)
  return Math.max(0, ...passed.map(({ version }) => version))
}

/** Once a candidate of a fleet has honoured a pin, no later one there may serve anything above it. */
export function checkPins({ known: { honoured }, world }: Fleet, models: Models): void {
  const { controls, tenants } = world
  for (const [tenant, { seq, pins }] of controls) {
    for (const [model, pin] of Object.entries(pins)) {
      const name = `${tenant}.${model}`
      if (tenants.get(tenant)?.models[model]?.born !== pin.born || pin.version === 'none') continue
      const served = versionIn(models, name)
      const known = honoured.get(name)
      if (known?.seq === seq) {
        assert.ok(served <= known.version, `${name} ${served} returned although it was rolled back`)
      } else if (served <= pin.version) {
        honoured.set(name, { seq, version: pin.version })
      }
    }
  }
}

/** Whoever differs from the config of an undo was pinned before anything else is published. */
export function checkUndone(observed: PublicationObserved): void {
  const { channel, named, fleet, ...configs } = observed
  const open = openUndo(channel)
  for (const name of open === undefined ? [] : namesToUndo(configs)) {
    const { tenant, controls } = named[name] ?? {}
    if (tenant?.models[partsOf(name).model] === undefined) continue
    if (tenant.spec.fleet !== fleet) continue
    const undone = controls?.undone?.[fleet] ?? -1
    assert.ok(undone >= (open?.asked ?? 0), `${name} was published before its undo was pinned`)
  }
}
