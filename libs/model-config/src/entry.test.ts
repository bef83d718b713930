import { describe, expect, test } from 'vitest'
import { sha256 } from './canonical.ts'
import { type Channel, type Controls, emptyChannel, isRejected } from './channel.ts'
import { chooseVersion, isPending, standingVerdict, type VersionRecord } from './entry.ts'
import { Tenant } from './spec.ts'
import { Manifest, Verdict } from './version.ts'

const AT = '2026-11-22T12:00:00Z'
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const MADE = sha256('made')
const BORN = 4

interface TenantChanges {
  fleet?: string
  tombstone?: boolean
  models?: Record<string, { born: number }>
  spec?: Record<string, object>
}

function tenantWith(changes: TenantChanges = {}): Tenant {
  const { fleet = 'main', tombstone = false, models = { m: { born: BORN } } } = changes
  return Tenant.parse({
    format: 1,
    seq: 5,
    attempt: 'a',
    tenant: 'acme',
    generation: 1,
    tombstone,
    spec: { fleet, models: changes.spec ?? { m: { recipe: { name: 'push' } } } },
    models,
    changedAt: AT,
    traceparent: TRACEPARENT,
  })
}

interface VerdictChanges {
  pass: boolean
  n?: number
  digest?: string
  fleet?: string
}

function verdictWith({ pass, n = 1, ...more }: VerdictChanges, number: number) {
  const digest = sha256(`version ${number}`)
  return Verdict.parse({
    format: 1,
    n,
    pass,
    digest,
    by: 'gate',
    reason: 'x',
    made: MADE,
    at: AT,
    ...more,
  })
}

const PASS = { pass: true }
const FAIL = { pass: false }

/** A committed version with its verdicts. */
function version(number: number, verdicts: VerdictChanges[], born = BORN): VersionRecord {
  const manifest = Manifest.parse({
    format: 1,
    run: '6b29fc40-ca47-4067-b31d-00dd010662da',
    request: 'r',
    born,
    traceparent: TRACEPARENT,
    files: [{ path: 'saved_model.pb', sizeBytes: 1, sha256: sha256('x') }],
    digest: sha256(`version ${number}`),
    sizeBytes: 1,
    lineage: { recipe: 'push' },
    queuedAt: AT,
    startedAt: AT,
    at: AT,
  })
  return { version: number, manifest, verdicts: verdicts.map((each) => verdictWith(each, number)) }
}

function aborted(number: number): VersionRecord {
  const manifest = Manifest.parse({
    format: 1,
    run: '6b29fc40-ca47-4067-b31d-00dd010662da',
    request: 'r',
    born: BORN,
    aborted: 'deadline',
    by: 'x',
    at: AT,
  })
  return { version: number, manifest, verdicts: [verdictWith(PASS, number)] }
}

const pinned = (to: number | 'none', born = BORN): Controls => ({
  format: 1,
  seq: 1,
  attempt: 'a',
  tenant: 'acme',
  pins: { m: { version: to, born, by: 'x', why: 'x', at: AT } },
})

interface Case {
  versions: VersionRecord[]
  tenant?: Tenant | 'none'
  controls?: Controls
  fleet?: string
  serves: number | undefined
}

const both = [version(1, [PASS]), version(2, [PASS])]
const cases: Record<string, Case> = {
  'the highest that passes': { versions: both, serves: 2 },
  'the highest that passes, not the highest': {
    versions: [version(3, [FAIL]), version(1, [PASS]), version(2, [PASS])],
    serves: 2,
  },
  'none that is still being made': {
    versions: [version(1, [PASS]), { version: 2, manifest: undefined, verdicts: [] }],
    serves: 1,
  },
  'none that was given up': { versions: [version(1, [PASS]), aborted(2)], serves: 1 },
  'none that was not judged': { versions: [version(1, [PASS]), version(2, [])], serves: 1 },
  'none whose verdict is about another content': {
    versions: [version(1, [PASS]), version(2, [{ pass: true, digest: sha256('other') }])],
    serves: 1,
  },
  'none that a later verdict failed': {
    versions: [version(1, [PASS]), version(2, [PASS, { pass: false, n: 2 }])],
    serves: 1,
  },
  'one that a person let pass': { versions: [version(2, [FAIL, { pass: true, n: 2 }])], serves: 2 },
  'by the highest verdict, whatever order they came in': {
    versions: [
      version(2, [
        { pass: true, n: 10 },
        { pass: false, n: 9 },
        { pass: false, n: 2 },
      ]),
    ],
    serves: 2,
  },
  'none that failed in its own fleet': {
    versions: [version(1, [PASS]), version(2, [PASS, { pass: false, n: 2, fleet: 'main' }])],
    serves: 1,
  },
  'one that failed in another fleet only': {
    versions: [version(1, [PASS]), version(2, [PASS, { pass: false, n: 2, fleet: 'other' }])],
    serves: 2,
  },
  'none of an old owner': {
    versions: [version(1, [PASS], 1), version(2, [PASS], 2)],
    serves: undefined,
  },
  'the pinned one': { versions: both, controls: pinned(1), serves: 1 },
  'nothing, where that is pinned': { versions: both, controls: pinned('none'), serves: undefined },
  'an older one when the pinned one fails, and never a newer': {
    versions: [version(1, [PASS]), version(2, [FAIL]), version(3, [PASS])],
    controls: pinned(2),
    serves: 1,
  },
  'what it would without a pin that was set for an old owner': {
    versions: both,
    controls: pinned(1, 2),
    serves: 2,
  },
  'what it would without another model’s pin': {
    versions: both,
    controls: { ...pinned(1), pins: {} },
    serves: 2,
  },
  'nothing of nobody': { versions: both, tenant: 'none', serves: undefined },
  'nothing of a tenant that is gone': {
    versions: both,
    tenant: tenantWith({ tombstone: true }),
    serves: undefined,
  },
  'nothing of a tenant of another fleet': { versions: both, fleet: 'other', serves: undefined },
  'nothing of a model that was removed': {
    versions: both,
    tenant: tenantWith({ spec: {} }),
    serves: undefined,
  },
  'nothing of a model that has no birth yet': {
    versions: both,
    tenant: tenantWith({ models: {} }),
    serves: undefined,
  },
}

describe('a new config serves', () => {
  test.each(Object.entries(cases))('%s', (_what, { versions, tenant, controls, fleet, serves }) => {
    const owner = tenant === 'none' ? undefined : (tenant ?? tenantWith())

    const chosen = chooseVersion(owner, 'm', fleet ?? 'main', versions, controls)

    expect(chosen?.version).toBe(serves)
  })

  test('what says which content and which verdict is meant', () => {
    const versions = [version(2, [FAIL, { pass: true, n: 2 }])]

    expect(chooseVersion(tenantWith(), 'm', 'main', versions, undefined)).toEqual({
      version: 2,
      manifest: sha256('version 2'),
      verdict: 2,
      made: MADE,
    })
  })
})

test('no verdict stands on a version that nobody judged in this fleet', () => {
  const manifest = Manifest.parse(version(1, []).manifest)
  if ('aborted' in manifest) throw new Error('a fixture that is committed')
  const verdicts = [verdictWith({ pass: true, fleet: 'other' }, 1)]

  expect(standingVerdict({ version: 1, manifest, verdicts }, 'main')).toBeUndefined()
  expect(standingVerdict({ version: 1, manifest, verdicts }, 'other')?.n).toBe(1)
})

const rejected = (sha: string, seq: number): Channel => ({
  ...emptyChannel('x'),
  rejected: [{ sha, seq, kind: 'model', culprits: [], why: 'x' }],
})

describe('a config', () => {
  const [A, B] = [sha256('a'), sha256('b')]
  test.each([
    ['that was rejected', A, 7, true],
    ['under a seq before that of its rejection', A, 6, true],
    ['under a later seq is another try', A, 8, false],
    ['of another sha', B, 7, false],
  ])('%s', (_what, sha, seq, answer) => {
    expect(isRejected(rejected(A, 7), { sha, seq })).toBe(answer)
  })

  const candidate = { sha: A, seq: 7 }
  const live = { sha: A, seq: 7, at: AT }
  test.each<[string, Partial<Channel>, boolean]>([
    ['none', {}, false],
    ['one that nothing runs yet', { candidate }, true],
    ['the one that is live', { candidate, live }, false],
    ['the one that is live, again', { candidate: { sha: A, seq: 9 }, live }, true],
    ['another than the one that is live', { candidate: { sha: B, seq: 9 }, live }, true],
    ['one that was rejected', { candidate, rejected: rejected(A, 7).rejected }, false],
    ['one that was rejected before', { candidate, rejected: rejected(A, 6).rejected }, true],
  ])('to roll out: %s', (_what, fields, answer) => {
    expect(isPending({ ...emptyChannel('x'), ...fields })).toBe(answer)
  })
})
