import { type Claim, isCommitted } from '@drover/model-config'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Action, type Observed, type ObservedVersion, plan } from './plan.ts'
import {
  NOW,
  MINUTE_MS,
  REQUEST,
  claimOf,
  committed,
  aborted,
  observed,
  open,
} from './plan.fixture.ts'

const Owner = fc.constantFrom<ObservedVersion['owner']>('running', 'gone', 'unknown')
const AnyVersion = fc.record({
  request: fc.constantFrom(REQUEST, 'other'),
  end: fc.constantFrom('open', 'committed', 'stopped', 'given up', 'folder'),
  deadline: fc.integer({ min: NOW - MINUTE_MS, max: NOW + MINUTE_MS }),
  owner: Owner,
})

function toVersion(given: typeof AnyVersion extends fc.Arbitrary<infer T> ? T : never, n: number) {
  const claim = claimOf(n + 1, given.request, given.deadline)
  const manifests = {
    open: undefined,
    folder: undefined,
    committed: committed(claim),
    stopped: aborted(claim, claim.run),
    'given up': aborted(claim, 'x', NOW - MINUTE_MS),
  }
  const manifest = manifests[given.end]
  const isFolder = given.end === 'folder'
  return { version: n + 1, claim: isFolder ? undefined : claim, manifest, owner: given.owner }
}

test('whatever is there, a request that is done is published and not trained', () => {
  const whole = AnyVersion.map((given) => ({
    ...given,
    request: REQUEST,
    end: 'committed' as const,
  }))
  const others = fc.array(AnyVersion, { maxLength: 6 })
  fc.assert(
    fc.property(others, whole, others, (before, mine, after) => {
      const versions = [...before, mine, ...after].map(toVersion)

      expect(plan(observed({ versions })).kind).toBe('publish')
    }),
  )
})

test('whatever is there, a training gets a number above all claims, and none of its own is open', () => {
  fc.assert(
    fc.property(fc.array(AnyVersion, { maxLength: 12, size: 'max' }), (given) => {
      const versions = given.map(toVersion)
      const action = plan(observed({ versions }))
      fc.pre(action.kind === 'train')

      const claims = versions.filter(({ claim }) => claim !== undefined)
      expect(claims.filter(({ version }) => version >= action.version)).toEqual([])
      expect(claims.filter(isOpen)).toEqual([])
    }),
  )
})

const isOpen = ({ claim, manifest }: ObservedVersion): boolean =>
  claim?.request === REQUEST && manifest === undefined

type Step = {
  actor: number
  what: 'observe' | 'act' | 'commit' | 'stop' | 'die'
  owner: ObservedVersion['owner']
}
const AnyStep: fc.Arbitrary<Step> = fc.record({
  actor: fc.nat({ max: 2 }),
  what: fc.constantFrom('observe', 'act', 'act', 'commit', 'stop', 'die'),
  owner: Owner,
})

/** A store of claims and manifests that are created if absent, and actors with old views of it. */
class World {
  readonly versions = new Map<number, ObservedVersion>()
  /** Whether each number that was given out was above all before it. */
  isRising = true
  readonly views = new Map<number, Observed>()
  readonly runs = new Map<number, number>()

  /** `owner` is what the actor believes of every claim, rightly or not. */
  view(owner: ObservedVersion['owner'], now = NOW): Observed {
    return observed({
      now,
      versions: [...this.versions.values()].map((each) => ({ ...each, owner })),
    })
  }

  end(version: number, manifestOf: (claim: Claim) => ObservedVersion['manifest']): void {
    const present = this.versions.get(version)
    if (present?.claim === undefined || present.manifest !== undefined) return
    this.versions.set(version, { ...present, manifest: manifestOf(present.claim) })
  }

  act(actor: number, action: Action): void {
    if (action.kind === 'giveUp') this.end(action.version, (claim) => aborted(claim, 'x', 0))
    if (action.kind !== 'train' || this.versions.has(action.version)) return
    this.isRising &&= [...this.versions.keys()].every((version) => action.version > version)
    this.versions.set(action.version, open(action.version, 'running', action.request.id))
    this.runs.set(actor, action.version)
  }

  step({ actor, what, owner }: Step): void {
    const run = this.runs.get(actor)
    const view = this.views.get(actor)
    if (what === 'observe') this.views.set(actor, this.view(owner))
    if (what === 'act' && view !== undefined) this.act(actor, plan(view))
    if (run === undefined) return
    if (what === 'commit') this.end(run, committed)
    if (what === 'stop') this.end(run, (claim) => aborted(claim, claim.run, 0))
    if (what !== 'observe' && what !== 'act') this.runs.delete(actor)
  }

  get commits(): number {
    return [...this.versions.values()].filter(({ manifest }) => manifest && isCommitted(manifest))
      .length
  }
}

test('in any interleaving, with any belief about others, a request gets one version at most', () => {
  fc.assert(
    fc.property(fc.array(AnyStep, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World()
      for (const step of steps) {
        world.step(step)
        expect(world.commits).toBeLessThanOrEqual(1)
        expect(world.isRising).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
})

test('after any interleaving, once nobody dies any more, a request gets its version', () => {
  fc.assert(
    fc.property(fc.array(AnyStep, { maxLength: 40, size: 'max' }), (steps) => {
      const world = new World()
      for (const step of steps) world.step(step)
      let now = NOW
      for (let turn = 0; turn < 200; turn++) {
        const action = plan(world.view('gone', now))
        if (action.kind === 'publish' || action.kind === 'nothing') break
        if (action.kind === 'wait') now = action.until
        world.act(9, action)
        const run = world.runs.get(9)
        if (run !== undefined) world.end(run, committed)
      }
      const last = plan(world.view('gone', now))
      const isExhausted = last.kind === 'nothing' && last.reason === 'exhausted'
      expect(world.commits === 1 || isExhausted).toBe(true)
    }),
    { numRuns: 500 },
  )
})
