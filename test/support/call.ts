import { z } from 'zod'
import type { LocalDrover } from './local.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** The apps that have an API of their own. */
export type App = 'trainerScheduler' | 'configPublisher' | 'restarter'

/** A request; its body is sent as it is. */
export interface Call {
  method: 'GET' | 'PUT' | 'POST'
  path: string
  body?: string
  /** Says that the body is JSON unless told. */
  headers?: Record<string, string>
}

/** Sends a request to an app of a running Drover; gives the status and the body of its answer. */
export async function call(
  { up }: LocalDrover,
  app: App,
  { method, path, body, headers = JSON_TYPE }: Call,
) {
  const response = await fetch(`${up[app]}${path}`, {
    method,
    headers: { authorization: `Bearer ${up.token}`, ...headers },
    ...(body === undefined ? {} : { body }),
  })
  return { status: response.status, body: z.json().parse(await response.json()) }
}

/** Declares what a tenant is to have. */
export async function putTenant(drover: LocalDrover, tenant: string, spec: object) {
  const path = `/v1/tenants/${tenant}`
  return await call(drover, 'trainerScheduler', { method: 'PUT', path, body: JSON.stringify(spec) })
}

/** What the scheduler says of a tenant. */
export async function getTenant<T>(
  drover: LocalDrover,
  tenant: string,
  schema: z.ZodType<T>,
): Promise<T> {
  const path = `/v1/tenants/${tenant}`
  const { body } = await call(drover, 'trainerScheduler', { method: 'GET', path })
  return schema.parse(body)
}
