import {
  type AbortedManifest,
  type Claim,
  type CommittedManifest,
  requestOf,
  type Run,
  type Tenant,
} from '@drover/model-config'
import type { Observed, ObservedVersion } from './plan.ts'

// What the tests of the plan are made of: one tenant with one model, its request, and what a store
// may hold of it.

export const NOW = Date.parse('2026-11-22T12:00:00Z')
export const MINUTE_MS = 60_000
export const DIGEST = 'a'.repeat(64)
export const TRACE = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
export const MODEL = { tenant: 'acme', model: 'late' }

export const at = (ms: number): string => new Date(ms).toISOString()
export const runId = (n: number): string =>
  `00000000-0000-4000-8000-${n.toString().padStart(12, '0')}`

export function makeTenant(changes: Partial<Tenant> = {}, every?: string): Tenant {
  const recipe = { name: 'command', command: 'keras' } as const
  const gate = { improvementMin: 0, rowsMin: 50 }
  const spec = { recipe, data: { upload: DIGEST }, gate, ...(every === undefined ? {} : { every }) }
  return {
    format: 1,
    seq: 1,
    attempt: 'a',
    tenant: MODEL.tenant,
    generation: 1,
    tombstone: false,
    spec: { fleet: 'main', weight: 1, models: { late: spec } },
    models: { late: { born: 1, changed: 1 } },
    changedAt: at(NOW - MINUTE_MS),
    traceparent: TRACE,
    ...changes,
  }
}

export const TENANT = makeTenant()
export const REQUEST = idOf(TENANT)

export function idOf(tenant: Tenant, now = NOW): string {
  return requestOf(tenant, MODEL.model, now)?.id ?? 'none'
}

export const claimOf = (version: number, request: string, deadline = NOW + MINUTE_MS): Claim => ({
  format: 1,
  run: runId(version),
  request,
  born: 1,
  traceparent: TRACE,
  host: 'h',
  at: at(NOW - MINUTE_MS),
  deadline: at(deadline),
})

export const committed = ({ run, request, born }: Claim, when = NOW): CommittedManifest => ({
  format: 1,
  run,
  request,
  born,
  traceparent: TRACE,
  files: [{ path: 'saved_model.pb', sizeBytes: 1, sha256: DIGEST }],
  digest: DIGEST,
  sizeBytes: 1,
  lineage: { recipe: 'command' },
  queuedAt: at(when),
  startedAt: at(when),
  at: at(when),
})

export const aborted = (
  { run, request, born }: Claim,
  by: string,
  when = NOW,
): AbortedManifest => ({
  format: 1,
  run,
  request,
  born,
  aborted: 'test',
  by,
  at: at(when),
})

export const failed = (n: number, failure: Run['failure'], when: number, tenant = TENANT): Run => ({
  format: 1,
  run: runId(n),
  request: idOf(tenant, when),
  cause: requestOf(tenant, MODEL.model, when)?.cause ?? 'none',
  born: 1,
  failure,
  reason: `reason ${n}`,
  startedAt: at(when),
  at: at(when),
  traceparent: TRACE,
})

export const observed = (given: Partial<Observed> = {}): Observed => ({
  now: NOW,
  model: MODEL,
  tenant: TENANT,
  versions: [],
  runs: [],
  ...given,
})

export const open = (
  version: number,
  owner: ObservedVersion['owner'],
  request = REQUEST,
  deadline?: number,
) => ({
  version,
  claim: claimOf(version, request, deadline),
  manifest: undefined,
  owner,
})

export const done = (version: number, request = REQUEST): ObservedVersion => {
  const claim = claimOf(version, request)
  return { version, claim, manifest: committed(claim), owner: 'gone' }
}

export const ended = (version: number, by?: string, when = NOW - MINUTE_MS): ObservedVersion => {
  const claim = claimOf(version, REQUEST)
  return { version, claim, manifest: aborted(claim, by ?? claim.run, when), owner: 'gone' }
}
