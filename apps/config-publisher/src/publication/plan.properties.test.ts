import {
  canonicalJson,
  type Channel,
  type Models,
  type Rejection,
  renderConfig,
  type VersionRecord,
} from '@drover/model-config'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { channelOf, controlsOf, entryOf, tenantOf, verdictOf, versionOf } from '../facts.fixture.ts'
import { withPublisherFields } from './act.ts'
import { type NamedModel, plan, type PublicationAction, type PublicationObserved } from './plan.ts'

const AT = '2026-05-01T00:00:00.000Z'
const TURNS_MAX = 20

/** What the store holds in these tests: the channel, every config that was published, every model. */
interface World {
  channel: Channel
  configs: Record<string, Models>
  models: Record<string, NamedModel>
}

const tenantNames = ['acme', 'bosch', 'cern', 'dhl']
const judged = fc.constantFrom('pass' as const, 'pass' as const, 'fail' as const, 'open' as const)
const models = (tenant: string): fc.Arbitrary<NamedModel> =>
  fc.record({
    tenant: fc.oneof(
      { weight: 8, arbitrary: fc.constant(tenantOf(tenant)) },
      fc.constant(tenantOf(tenant, ['late'], { tombstone: true })),
      fc.constant(tenantOf(tenant, ['late'], { fleet: 'other' })),
    ),
    controls: fc.option(
      fc.integer({ min: 1, max: 4 }).map((version) => controlsOf(tenant, { late: version })),
      { nil: undefined, freq: 3 },
    ),
    versions: fc
      .array(judged, { maxLength: 4 })
      .map((all) => all.map((each, at) => versionOf(at + 1, each))),
  })
const worlds: fc.Arbitrary<World> = fc
  .record({
    models: fc.record({
      'acme.late': models('acme'),
      'bosch.late': models('bosch'),
      'cern.late': models('cern'),
      'dhl.late': models('dhl'),
    }),
    start: fc.dictionary(fc.constantFrom(...tenantNames), fc.integer({ min: 1, max: 4 })),
    rejected: fc.boolean(),
  })
  .map(({ models: all, start, rejected }) => {
    const base = Object.fromEntries(
      Object.entries(start).map(([tenant, version]) => [`${tenant}.late`, entryOf(version)]),
    )
    const { sha } = renderConfig(base).root
    const culprits = Object.entries(base)
      .slice(0, 1)
      .flatMap(([name, { versions }]) =>
        versions.map(({ version, manifest }) => ({
          name,
          version,
          digest: manifest,
          reason: 'wrong',
        })),
      )
    const rejection: Rejection = { sha, seq: 3, kind: 'model', culprits, why: 'wrong' }
    const channel = channelOf({
      seq: 4,
      candidate: { sha, seq: 3 },
      live: { sha, seq: 3, at: AT },
      rejected: rejected && culprits.length > 0 ? [rejection] : [],
    })
    return { channel, configs: { [sha]: base }, models: all }
  })

function observe(world: World, tenants: readonly string[], now: number): PublicationObserved {
  const base = world.configs[world.channel.candidate?.sha ?? ''] ?? {}
  const live = world.configs[world.channel.live?.sha ?? ''] ?? {}
  const culprits = world.channel.rejected.flatMap((each) => each.culprits.map(({ name }) => name))
  const named = Object.entries(world.models).filter(
    ([name]) => tenants.some((tenant) => name === `${tenant}.late`) || culprits.includes(name),
  )
  return {
    now,
    fleet: 'main',
    channel: world.channel,
    base,
    live,
    undo: undefined,
    named: Object.fromEntries(named),
    allowedRemovals: Object.keys(live),
    since: undefined,
    rejectedSince: now,
  }
}

/** What the adapters do, on values. */
function act(world: World, action: PublicationAction): World {
  if (action.kind === 'publish') {
    const { sha } = renderConfig(action.models).root
    const candidate = { sha, seq: world.channel.seq + 1 }
    const channel = withPublisherFields(world.channel, { candidate, prefetch: [] }, 'b')
    return { ...world, channel, configs: { ...world.configs, [sha]: action.models } }
  }
  if (action.kind !== 'verdicts') return world
  const changed = { ...world.models }
  for (const { name, version, n, digest, rejectedSeq } of action.verdicts) {
    const before = changed[name]
    if (before === undefined) continue
    const versions = before.versions.map((each): VersionRecord => {
      if (each.version !== version) return each
      const due = { by: 'rollout' as const, fleet: 'main', rejectedSeq, digest }
      const { manifest } = versionOf(version)
      return { ...each, verdicts: [...each.verdicts, verdictOf(manifest, n, false, due)] }
    })
    changed[name] = { ...before, versions }
  }
  return { ...world, models: changed }
}

/** Plans and acts until nothing is left; how many turns that took. */
function settle(world: World, tenants: readonly string[]): { world: World; turns: number } {
  let now = world
  for (let turns = 0; turns < TURNS_MAX; turns++) {
    const action = plan(observe(now, tenants, 0))
    if (action === undefined || action.kind === 'refuse' || action.kind === 'later') {
      return { world: now, turns }
    }
    now = act(now, action)
  }
  return { world: now, turns: TURNS_MAX }
}

const candidateOf = ({ channel, configs }: World): Models =>
  configs[channel.candidate?.sha ?? ''] ?? {}
const someTenants = fc.subarray(tenantNames)

test('planning and acting settles, in two steps at most: verdicts, then a config', () => {
  fc.assert(
    fc.property(worlds, someTenants, (world, tenants) => {
      const once = settle(world, tenants)

      expect(once.turns).toBeLessThanOrEqual(2)
      expect(plan(observe(once.world, tenants, 0))).toBeUndefined()
    }),
    { numRuns: 200 },
  )
})

test('the order of nudges does not matter, nor which of them come together', () => {
  fc.assert(
    fc.property(worlds, fc.shuffledSubarray(tenantNames, { minLength: 4 }), (world, order) => {
      const together = settle(world, tenantNames)
      let oneByOne = world
      for (const tenant of order) oneByOne = settle(oneByOne, [tenant]).world

      expect(candidateOf(oneByOne)).toEqual(candidateOf(together.world))
      expect(oneByOne.channel.candidate?.sha).toBe(together.world.channel.candidate?.sha)
    }),
    { numRuns: 200 },
  )
})

test('a doubled nudge changes nothing', () => {
  fc.assert(
    fc.property(worlds, someTenants, (world, tenants) => {
      const once = settle(world, tenants).world

      expect(settle(once, tenants).world.channel.seq).toBe(once.channel.seq)
    }),
  )
})

test('a pinned model never moves above its pin', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const published = candidateOf(settle(world, tenantNames).world)
      for (const [name, { controls }] of Object.entries(world.models)) {
        const pin = controls?.pins['late']?.version ?? Infinity
        for (const { version } of published[name]?.versions ?? []) {
          expect(version).toBeLessThanOrEqual(Number(pin))
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('only versions with a passing verdict are published', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const after = settle(world, tenantNames).world
      for (const [name, { versions }] of Object.entries(candidateOf(after))) {
        const [served] = versions
        const record = after.models[name]?.versions.find((each) => each.version === served?.version)
        expect(record?.verdicts.at(-1)?.pass).toBe(true)
      }
    }),
    { numRuns: 200 },
  )
})

test("somebody else's entries are never lost or moved", () => {
  fc.assert(
    fc.property(worlds, someTenants, (world, tenants) => {
      const before = candidateOf(world)
      const named = Object.keys(observe(world, tenants, 0).named)
      const after = candidateOf(settle(world, tenants).world)
      for (const name of Object.keys(before).filter((each) => !named.includes(each))) {
        expect(canonicalJson(after[name])).toBe(canonicalJson(before[name]))
      }
    }),
  )
})

test("the restarter's fields are copied as they were read", () => {
  const channel = channelOf({
    seq: 41,
    live: { sha: 'a'.repeat(64), seq: 40, at: AT },
    previous: [{ sha: 'b'.repeat(64), seq: 30, at: AT }],
    rejected: [{ sha: 'c'.repeat(64), seq: 35, kind: 'deadline', culprits: [], why: 'slow' }],
    rollout: {
      sha: 'd'.repeat(64),
      seq: 41,
      holder: 'r1',
      fence: 41,
      step: { kind: 'apply', servers: ['s1'] },
      beat: 7,
      startedAt: AT,
    },
    restart: { count: 3, wish: 'w' },
    undo: { sha: 'b'.repeat(64), seq: 30, by: 'kubectl', asked: 41 },
    freeze: { by: 'ops', until: AT, why: 'holidays' },
  })
  const candidate = { sha: 'e'.repeat(64), seq: 42 }

  const next = withPublisherFields(channel, { candidate, prefetch: ['acme.late'] }, 'mine')

  expect(next).toEqual({ ...channel, seq: 42, attempt: 'mine', candidate, prefetch: ['acme.late'] })
})
