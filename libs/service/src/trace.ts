import { randomBytes } from 'node:crypto'

/** A new trace: W3C `traceparent` with a random trace id. */
export function newTraceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
}

/** The next span of the same trace. */
export function childOf(traceparent: string): string {
  const [version, trace, , flags] = traceparent.split('-')
  return `${version}-${trace}-${randomBytes(8).toString('hex')}-${flags}`
}

/** The id that runs through the whole loop. */
export function traceIdOf(traceparent: string): string {
  return traceparent.split('-')[1] ?? ''
}
