import type { NudgeOf } from '@drover/jobs'
import { Digest, TenantSpec } from '@drover/model-config'
import { traceOf } from '@drover/service'
import { z } from 'zod'
import { PushRequest, type Pushes } from '../push.ts'
import { deleteTenant, type Moved, putTenant, type Registry, requestTraining } from '../tenants.ts'
import type { Uploads } from '../uploads.ts'
import { listRuns, listTenants, type ViewPlaces, viewTenant } from '../view.ts'
import { type Answer, defineRoute, NO_BODY, NO_QUERY, RAW_BODY, type Route } from './route.ts'
import {
  Acknowledged,
  ModelParams,
  RunsAnswer,
  RunsQuery,
  TenantAnswer,
  TenantParams,
  TenantsAnswer,
  TenantsQuery,
  UploadAnswer,
  VersionAnswer,
} from './schemas.ts'

/** What the routes call. */
export interface RouteParts {
  registry: Registry
  views: ViewPlaces
  takeUpload: Uploads
  push: Pushes
  /** Tells the queues of a change; false when they did not take it in time. */
  announce: (moved: Moved) => Promise<boolean>
  /** Tells the publisher of a pushed version, if it can be told now. */
  announceVersion: (nudge: NudgeOf<{ name: 'publish' }>) => Promise<void>
}

const NO_PARAMS = z.object({})
const EmptyBody = z.strictObject({}).optional()

/** All routes, in the order of their paths. */
export function makeRoutes(parts: RouteParts): Route[] {
  return [...tenantRoutes(parts), ...modelRoutes(parts), ...viewRoutes(parts)]
}

function tenantRoutes({ registry, announce }: RouteParts): Route[] {
  const acknowledge = async (moved: Moved): Promise<Answer> => {
    const { tenant, isChanged } = moved
    const queued = isChanged && (await announce(moved))
    const { generation, traceparent } = tenant
    const body = { tenant: tenant.tenant, generation, changed: isChanged, queued, traceparent }
    return { status: isChanged ? 202 : 200, body }
  }
  const answers = {
    200: { says: 'It was like this already: nothing changed.', schema: Acknowledged },
    202: { says: 'It is in the store, and what follows from it begins.', schema: Acknowledged },
  }
  return [
    defineRoute({
      method: 'put',
      path: '/v1/tenants/{tenant}',
      summary: 'Declares the models of a tenant, in place of those declared before.',
      params: TenantParams,
      query: NO_QUERY,
      body: TenantSpec,
      answers,
      handle: async ({ params, body, request }) =>
        await acknowledge(await putTenant(registry, params.tenant, body, traceOf(request))),
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/tenants/{tenant}',
      summary: 'Ends a tenant: nothing of it is trained or served any more.',
      params: TenantParams,
      query: NO_QUERY,
      body: NO_BODY,
      answers,
      handle: async ({ params, request }) =>
        await acknowledge(await deleteTenant(registry, params.tenant, traceOf(request))),
    }),
    defineRoute({
      method: 'post',
      path: '/v1/tenants/{tenant}/models/{model}/train',
      summary: 'Asks for a new version of a model although nothing of it changed.',
      params: ModelParams,
      query: NO_QUERY,
      body: EmptyBody,
      answers,
      handle: async ({ params, request }) =>
        await acknowledge(await requestTraining(registry, params, traceOf(request))),
    }),
  ]
}

function modelRoutes({ takeUpload, push, announceVersion }: RouteParts): Route[] {
  return [
    defineRoute({
      method: 'put',
      path: '/v1/data/{tenant}/{model}/{sha256}',
      summary: 'Uploads a file under its digest, before a spec or a push names it.',
      params: ModelParams.extend({ sha256: Digest }),
      query: NO_QUERY,
      body: RAW_BODY,
      answers: {
        200: { says: 'It was there already.', schema: UploadAnswer },
        201: { says: 'It is in the store.', schema: UploadAnswer },
      },
      handle: async ({ params: { sha256, ...model }, request }) => {
        const created = await takeUpload(request, model, sha256)
        return { status: created ? 201 : 200, body: { created } }
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/tenants/{tenant}/models/{model}/versions',
      summary: 'Makes a version of files that were uploaded before.',
      params: ModelParams,
      query: NO_QUERY,
      body: PushRequest,
      answers: {
        200: { says: 'These files are a version already.', schema: VersionAnswer },
        201: { says: 'The version is committed, and will be judged.', schema: VersionAnswer },
      },
      handle: async ({ params, body, request }) => {
        const traceparent = traceOf(request)
        const { version, fleet, isNew } = await push(params, body, traceparent)
        await announceVersion({ fleet, ...params, version, traceparent })
        return { status: isNew ? 201 : 200, body: { version } }
      },
    }),
  ]
}

function viewRoutes({ views }: RouteParts): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/tenants',
      summary: 'Lists tenants by name, deleted ones too.',
      params: NO_PARAMS,
      query: TenantsQuery,
      body: NO_BODY,
      answers: { 200: { says: 'A page of tenants.', schema: TenantsAnswer } },
      handle: async ({ query: { limit, after = '' } }) => ({
        status: 200,
        body: await listTenants(views.store, { limit, after }),
      }),
    }),
    defineRoute({
      method: 'get',
      path: '/v1/tenants/{tenant}',
      summary: 'Says where the training of each model of a tenant stands.',
      params: TenantParams,
      query: NO_QUERY,
      body: NO_BODY,
      answers: { 200: { says: 'The tenant and its models.', schema: TenantAnswer } },
      handle: async ({ params }) => ({ status: 200, body: await viewTenant(views, params.tenant) }),
    }),
    defineRoute({
      method: 'get',
      path: '/v1/runs',
      summary: 'Lists the runs under way here and, for a tenant, its newest ended ones.',
      params: NO_PARAMS,
      query: RunsQuery,
      body: NO_BODY,
      answers: { 200: { says: 'Runs, the newest first.', schema: RunsAnswer } },
      handle: async ({ query }) => ({ status: 200, body: await listRuns(views, query) }),
    }),
  ]
}
