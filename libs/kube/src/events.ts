import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Deployment } from './deployment.ts'
import { KubeCode, KubeError } from './error.ts'
import { STRATEGIC_MERGE, type Transport } from './transport.ts'

const KEYS_MAX = 500
const SAME_MS_MIN = 10_000
const WRITES_MAX = 60
const WINDOW_MS = 60_000
const MESSAGE_CHARS_MAX = 1_000
const REASON = /^[A-Z][A-Za-z]{0,63}$/

/** Something that happened to a Deployment, for people: `kubectl describe` shows it. */
export interface KubeEvent {
  type: 'Normal' | 'Warning'
  /** One word in CamelCase. */
  reason: string
  message: string
  /** What it is about: the same key is the same Event, counted up. */
  key: string
}

export interface EventOptions {
  /** Who reports. */
  component: string
  /** Milliseconds that never go back. */
  clock?: () => number
  date?: () => Date
}

const Anything = z.unknown()

/**
 * Writes Events: the same key at most every ten seconds, 60 of all keys in a minute. More are left
 * out, since every Event is a write to etcd and nothing is decided by one.
 */
export function makeEvents(transport: Transport, { component, ...clocks }: EventOptions) {
  const { clock = () => performance.now(), date = () => new Date() } = clocks
  const written = new Map<string, { count: number; atMs: number }>()
  let recent: number[] = []

  function mayWrite(name: string, nowMs: number): boolean {
    recent = recent.filter((atMs) => nowMs - atMs < WINDOW_MS)
    const atMs = written.get(name)?.atMs
    return recent.length < WRITES_MAX && (atMs === undefined || nowMs - atMs >= SAME_MS_MIN)
  }

  function remember(name: string, nowMs: number): number {
    const count = (written.get(name)?.count ?? 0) + 1
    // The one that was written longest ago stands first.
    written.delete(name)
    written.set(name, { count, atMs: nowMs })
    recent.push(nowMs)
    const [oldest] = written.keys()
    if (written.size > KEYS_MAX && oldest !== undefined) written.delete(oldest)
    return count
  }

  return {
    /** Writes one Event about a Deployment. False: it was left out. */
    async write(deployment: Deployment, event: KubeEvent, signal?: AbortSignal): Promise<boolean> {
      if (!REASON.test(event.reason)) {
        throw new KubeError(KubeCode.INVALID, `an Event's reason is one word: ${event.reason}`)
      }
      const name = eventName(deployment, event)
      const nowMs = clock()
      if (!mayWrite(name, nowMs)) return false
      const count = remember(name, nowMs)
      const body = eventBody(deployment, event, { name, component, count, at: date() })
      const path = `/api/v1/namespaces/${deployment.namespace}/events`
      try {
        await transport.call({ method: 'POST', path, body }, Anything, signal)
      } catch (error) {
        // It is there from before, perhaps from another life of this process.
        if (!(error instanceof KubeError) || error.code !== KubeCode.CONFLICT) throw error
        const { message, lastTimestamp } = body
        const ask = {
          method: 'PATCH' as const,
          path: `${path}/${name}`,
          body: { message, count, lastTimestamp },
          contentType: STRATEGIC_MERGE,
        }
        await transport.call(ask, Anything, signal)
      }
      return true
    },
  }
}

function eventName({ name, uid }: Deployment, { key, reason }: KubeEvent): string {
  const print = createHash('sha256').update(`${uid}\0${reason}\0${key}`).digest('hex')
  return `${name.slice(0, 200)}.${print.slice(0, 16)}`
}

function eventBody(
  { name, namespace, uid, resourceVersion }: Deployment,
  { type, reason, message }: KubeEvent,
  about: { name: string; component: string; count: number; at: Date },
) {
  const timestamp = about.at.toISOString().replace(/\.\d+Z$/, 'Z')
  const { component } = about
  return {
    metadata: { name: about.name, namespace },
    involvedObject: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name,
      namespace,
      uid,
      resourceVersion,
    },
    type,
    reason,
    message: message.slice(0, MESSAGE_CHARS_MAX),
    source: { component },
    reportingComponent: component,
    count: about.count,
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
  }
}
