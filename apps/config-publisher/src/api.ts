import {
  Digest,
  type ModelServerConfig as ServerConfig,
  ModelServerConfig,
  Name,
  renderModelServerConfig,
  Version,
} from '@drover/model-config'
import { ModelStoreError } from '@drover/model-store'
import { ApiError, makeApi, traceOf } from '@drover/service'
import type { Express } from 'express'
import { z } from 'zod'
import { AUDIT_LIMIT, AUDIT_LIMIT_MAX, readAudit } from './audit.ts'
import type { ConfigPublisher } from './config-publisher.ts'
import { NO_CONFIG, type StoredConfig } from './records.ts'
import { release, releaseUndone, rollback } from './rollback.ts'
import { CONFIGS_ASKED_MAX, viewTenant } from './tenant-view.ts'

const WHY_CHARACTERS_MAX = 1_000
const ROOT_CHARACTERS_MAX = 1_000

const Why = z.string().max(WHY_CHARACTERS_MAX).default('')
const By = z.string().min(1).max(200).default('operator')

/** The body of `POST /v1/rollback`. Without a model: every model of the tenant that can go back. */
export const RollbackBody = z.strictObject({
  tenant: Name,
  model: Name.optional(),
  /** The highest passing version below the live one unless told; `none` serves nothing. */
  version: z.union([Version, z.literal('none')]).optional(),
  by: By,
  why: Why,
})

/** The body of `POST /v1/release`. */
export const ReleaseBody = z.strictObject({ tenant: Name, model: Name, by: By, why: Why })

/** The body of `POST /v1/fleets/:fleet/release`. */
export const ReleaseUndoneBody = z.strictObject({
  /** All that rollbacks of the fleet pinned, or only models that they took down for being newer. */
  which: z.enum(['all', 'newcomers']),
  by: By,
  why: Why,
})

const TenantQuery = z.object({
  configs: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(Digest).max(CONFIGS_ASKED_MAX))
    .optional(),
})

const ConfigQuery = z.object({
  root: z.string().max(ROOT_CHARACTERS_MAX).default('/models'),
  fleet: Name.default('main'),
})

const AuditQuery = z
  .strictObject({
    tenant: Name.optional(),
    fleet: Name.optional(),
    limit: z.coerce.number().int().min(1).max(AUDIT_LIMIT_MAX).default(AUDIT_LIMIT),
  })
  .refine(({ tenant, fleet }) => tenant === undefined || fleet === undefined, {
    error: 'name a tenant or a fleet, and not both',
  })

/** The HTTP API of a publisher. Without a token only callers on loopback are answered. */
export function makePublisherApi(publisher: ConfigPublisher, token: string | undefined): Express {
  const isReady = () =>
    publisher.isReady ? { ready: true } : { ready: false, why: 'the first look is not over' }
  return makeApi({ log: publisher.log, token, isReady, translate }, (api) => {
    addTenantRoutes(api, publisher)
    addFleetRoutes(api, publisher)
    api.get('/v1/audit', async (request, response) => {
      response.json(await readAudit(publisher, AuditQuery.parse(request.query)))
    })
  })
}

function addTenantRoutes(api: Express, publisher: ConfigPublisher): void {
  api.get('/v1/tenants/:tenant', async (request, response) => {
    const tenant = Name.parse(request.params.tenant)
    const { configs } = TenantQuery.parse(request.query)
    const view = await viewTenant(publisher, tenant, configs)
    if (view === undefined) throw new ApiError(404, `there is no tenant ${tenant}`)
    response.json(view)
  })
  api.post('/v1/rollback', async (request, response) => {
    const body = RollbackBody.parse(request.body)
    response.json(await rollback(publisher, { ...body, traceparent: traceOf(request) }))
  })
  api.post('/v1/release', async (request, response) => {
    const body = ReleaseBody.parse(request.body)
    response.json(await release(publisher, { ...body, traceparent: traceOf(request) }))
  })
}

function addFleetRoutes(api: Express, publisher: ConfigPublisher): void {
  const { records } = publisher
  api.get('/v1/fleets/:fleet', async (request, response) => {
    const fleet = Name.parse(request.params.fleet)
    const channel = await records.channel(fleet)
    if (channel === undefined) throw new ApiError(404, `there is no fleet ${fleet}`)
    const { candidate } = channel
    const config = candidate === undefined ? NO_CONFIG : await records.config(fleet, candidate.sha)
    const models = publisher.publicationOf(fleet).refusedRemovals()
    const allow = `POST /v1/fleets/${fleet}/allow-shrink`
    const alerts = models.length === 0 ? [] : [{ kind: 'shrink', models, allow }]
    response.json({ fleet, channel, models: config.root.models, alerts })
  })
  api.post('/v1/fleets/:fleet/allow-shrink', async (request, response) => {
    const fleet = Name.parse(request.params.fleet)
    z.strictObject({}).parse(request.body)
    const publication = publisher.publicationOf(fleet)
    const allowed = publication.refusedRemovals()
    if (allowed.length === 0) throw new ApiError(409, `no removal is held back in ${fleet}`)
    const tenants = [...new Set(allowed.map((name) => name.split('.')[0] ?? ''))]
    const candidate = await publication.look(tenants, {
      isUrgent: true,
      allowedRemovals: allowed,
      traceparent: traceOf(request),
    })
    publisher.log.info({ fleet, models: allowed }, 'removals allowed')
    response.json({ allowed, candidate })
  })
  api.post('/v1/fleets/:fleet/release', async (request, response) => {
    const fleet = Name.parse(request.params.fleet)
    const body = ReleaseUndoneBody.parse(request.body)
    const traceparent = traceOf(request)
    response.json(await releaseUndone(publisher, { ...body, fleet, traceparent }))
  })
  api.get('/v1/configs/:sha/models.config', async (request, response) => {
    const sha = Digest.parse(request.params.sha)
    const { root, fleet } = ConfigQuery.parse(request.query)
    const config = await requireConfig(publisher, fleet, sha)
    response.type('text/plain').send(renderModelServerConfig(serverConfigOf(config, root)))
  })
}

async function requireConfig(
  { records }: ConfigPublisher,
  fleet: string,
  sha: string,
): Promise<StoredConfig> {
  try {
    return await records.config(fleet, sha)
  } catch (cause) {
    if (!(cause instanceof ModelStoreError) || cause.code !== 'NOT_FOUND') throw cause
    throw new ApiError(404, `${fleet} has no config ${sha}`, { cause })
  }
}

/** The list of every eligible model, for a stock server. Throws a ZodError for a root that is none. */
function serverConfigOf({ models }: StoredConfig, root: string): ServerConfig {
  const entries = Object.entries(models).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return ModelServerConfig.parse({
    models: entries.map(([name, { versions, labels }]) => ({
      name,
      basePath: `${root.replace(/\/+$/, '')}/${name}`,
      modelPlatform: 'tensorflow',
      versionPolicy: { kind: 'specific', versions: versions.map(({ version }) => version) },
      versionLabels: labels,
    })),
  })
}

/** What of the store's errors a caller can do something about. */
function translate(error: unknown): ApiError | undefined {
  if (!(error instanceof ModelStoreError)) return undefined
  switch (error.code) {
    case 'UNAVAILABLE':
      return new ApiError(503, 'the model store cannot be had now; try again', { cause: error })
    case 'CORRUPT':
    case 'NOT_FOUND':
    case 'INVALID':
      // The key names the culprit, and is no secret.
      return new ApiError(500, `the model store: ${error.message}`, { cause: error })
  }
}
