import { Instant, Name, Quality, TenantSpec, Traceparent, Version } from '@drover/model-config'
import { z } from 'zod'

const PAGE_MAX = 1_000
const PAGE = 100

export const TenantParams = z.object({ tenant: Name })
export const ModelParams = z.object({ tenant: Name, model: Name })
const Limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE)

export const TenantsQuery = z.strictObject({
  limit: Limit,
  /** The last name of the page before. */
  after: Name.optional(),
})
export const RunsQuery = z.strictObject({
  tenant: Name.optional(),
  model: Name.optional(),
  limit: Limit,
})

/** The answer to every change of a tenant. */
export const Acknowledged = z.object({
  tenant: Name,
  generation: z.int(),
  /** False: it was like this already. */
  changed: z.boolean(),
  /** False: Redis is away, and the scan will find it. Nothing acknowledged is lost. */
  queued: z.boolean(),
  traceparent: Traceparent,
})

const ModelView = z.object({
  born: z.int(),
  request: z
    .object({
      id: z.string(),
      trainRequestedAt: Instant.optional(),
      slot: z.int().optional(),
      queuedAt: Instant.optional(),
    })
    .optional(),
  due: z.boolean(),
  running: z.boolean(),
  why: z.string().optional(),
  until: Instant.optional(),
  quarantined: z.boolean(),
  newest: z
    .object({
      version: Version,
      at: Instant,
      request: z.string(),
      quality: Quality.optional(),
    })
    .optional(),
  failure: z
    .object({
      class: z.string(),
      reason: z.string(),
      at: Instant,
      run: z.uuid(),
      final: z.boolean(),
    })
    .optional(),
  /** Which object of the model cannot be read. */
  error: z.string().optional(),
})

export const TenantAnswer = z.object({
  tenant: Name,
  seq: z.int(),
  generation: z.int(),
  tombstone: z.boolean(),
  changedAt: Instant,
  traceparent: Traceparent,
  spec: TenantSpec,
  models: z.record(Name, ModelView),
})

export const TenantsAnswer = z.object({
  tenants: z.array(
    z.object({
      tenant: Name,
      generation: z.int(),
      tombstone: z.boolean(),
      fleet: Name,
      models: z.array(Name),
    }),
  ),
  /** Those whose objects cannot be read, and why. */
  unreadable: z.array(z.object({ tenant: z.string(), error: z.string() })).optional(),
  /** Give it as `after` for the next page. */
  next: Name.optional(),
})

export const RunsAnswer = z.object({
  runs: z.array(
    z.object({
      tenant: Name,
      model: Name,
      run: z.uuid(),
      request: z.string(),
      version: Version.optional(),
      state: z.enum(['running', 'failed', 'committed']),
      since: Instant,
      at: Instant.optional(),
      failure: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
})

export const VersionAnswer = z.object({ version: Version })
export const UploadAnswer = z.object({ created: z.boolean() })
