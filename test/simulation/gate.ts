import { digestOf, usableVersions, type Verdict, type VersionRecord } from '@drover/model-config'
import { createVerdict, versionsOf } from './store.ts'
import { clockOf, isoOf, partsOf, type Steps, type World } from './world.ts'

const MADE = digestOf('made by the gate')
const DIGESTS = new Map<string, string>()

/** The digest of a version's files. */
export function digestOfVersion(name: string, version: number): string {
  const key = `${name} ${version}`
  const known = DIGESTS.get(key)
  if (known !== undefined) return known
  const digest = digestOf([name, version])
  DIGESTS.set(key, digest)
  return digest
}

export const recordsOf = (world: World, name: string): VersionRecord[] =>
  Array.from(versionsOf(world, name), ([version, { manifest, verdicts }]) => ({
    version,
    manifest,
    verdicts,
  }))

/** Judges what has no verdict yet of every model of a tenant that has versions. */
export function* judgeAll(world: World, tenant: string): Steps {
  for (const name of world.versions.keys()) {
    if (partsOf(name).tenant === tenant) yield* judge(world, name)
  }
}

function* judge(world: World, name: string): Steps {
  const { tenant, model } = partsOf(name)
  for (;;) {
    const owner = world.tenants.get(tenant)
    yield 'look'
    const usable = usableVersions(recordsOf(world, name), owner?.models[model]?.born)
    const action = world.plans.judge({
      now: clockOf(world),
      versions: usable.map(({ version, manifest, verdicts }) => ({
        version,
        digest: manifest.digest,
        judged: verdicts.length > 0,
      })),
      inFlight: [],
      troubles: {},
    })
    if (action?.kind !== 'judge') return
    yield 'step'
    const { version } = action
    const fate = versionsOf(world, name).get(version)?.fate
    const pass = fate !== undefined && world.plans.passes(fate)
    createVerdict(world, { name, version, verdict: makeVerdict(world, { name, version, pass }) })
  }
}

export function makeVerdict(
  world: World,
  { name, version, pass }: { name: string; version: number; pass: boolean },
): Verdict {
  return {
    format: 1,
    n: 1,
    pass,
    digest: digestOfVersion(name, version),
    by: 'gate',
    reason: pass ? 'passed' : 'worse than the prior',
    checks: [],
    files: [],
    made: MADE,
    at: isoOf(world),
  }
}
