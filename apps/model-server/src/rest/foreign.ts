import { ServingError } from '@drover/serving-api'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i

/** Whether an address or the name in a Host header is of this machine alone. */
export const isLoopback = (name: string): boolean => LOOPBACK.test(name)

/**
 * PERMISSION_DENIED for what a page of elsewhere sends to a port of this machine through somebody's
 * browser: it has an Origin of its own, or, once its name stands for this machine, a Host of its own.
 * Only for ports on loopback, where no client has another name for the server. Content types are no
 * help: upstream ignores them, and its clients need not send one.
 */
export function refusalOf(
  host: string | undefined,
  origin: string | undefined,
): ServingError | undefined {
  // HTTP/1.0 needs no Host, and no browser leaves it out.
  if (host !== undefined && !isLoopback(host.replace(/:\d+$/, '')))
    return denied(`The Host header ${JSON.stringify(host)} is not this machine`)
  if (origin !== undefined && origin !== `http://${host}`)
    return denied(`The Origin ${JSON.stringify(origin)} may not use this API`)
  return undefined
}

const denied = (message: string): ServingError => new ServingError('PERMISSION_DENIED', message)
