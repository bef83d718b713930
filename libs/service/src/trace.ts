import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Traceparent } from '@drover/model-config'

/** A new trace: W3C `traceparent` with a random trace id. */
export function newTraceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
}

/** The next span of the same trace. */
export function childOf(traceparent: string): string {
  const [version, trace, , flags] = traceparent.split('-')
  return `${version}-${trace}-${randomBytes(8).toString('hex')}-${flags}`
}

/** The trace of a request: the caller's goes on; without one that is whole a new one begins. */
export function traceOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = Traceparent.safeParse(headers.traceparent)
  return given.success ? childOf(given.data) : newTraceparent()
}

/** The id that runs through the whole loop. */
export function traceIdOf(traceparent: string): string {
  return traceparent.split('-')[1] ?? ''
}
