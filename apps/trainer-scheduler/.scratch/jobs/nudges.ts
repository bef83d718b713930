import { Name, Traceparent, Version } from '@drover/model-config'
import { z } from 'zod'
import { JobsCode, JobsError } from './failure.ts'

const Train = z.strictObject({ tenant: Name, model: Name, traceparent: Traceparent })

/** Without a tenant: look at the whole fleet. */
const Publish = z.strictObject({
  fleet: Name,
  tenant: Name.optional(),
  model: Name.optional(),
  version: Version.optional(),
  traceparent: Traceparent.optional(),
})

const Rollout = z.strictObject({ fleet: Name, traceparent: Traceparent.optional() })

/** What each queue carries: names and no decision. The worker re-reads the world and decides. */
interface Nudges {
  train: z.output<typeof Train>
  publish: z.output<typeof Publish>
  rollout: z.output<typeof Rollout>
}

const SCHEMAS: { [N in keyof Nudges]: z.ZodType<Nudges[N]> } = {
  train: Train,
  publish: Publish,
  rollout: Rollout,
}

/** Which queue is meant: one for training, one for publishing, one for each fleet's rollouts. */
export type QueueId = { name: 'train' } | { name: 'publish' } | { name: 'rollout'; fleet: string }

/** What a queue carries. */
export type NudgeOf<Q extends QueueId> = Nudges[Q['name']]

/** BullMQ's name of a queue; it must not hold a colon, and no name of ours does. */
export function queueNameOf(queue: QueueId): string {
  return queue.name === 'rollout' ? `rollout-${Name.parse(queue.fleet)}` : queue.name
}

/** Checks a payload on either side of a queue; INVALID when it is another queue's or nobody's. */
export function parseNudge<Q extends QueueId>(queue: Q, payload: unknown): NudgeOf<Q> {
  const name: Q['name'] = queue.name
  const nudge = SCHEMAS[name].safeParse(payload)
  if (nudge.success) return nudge.data
  const message = `not a payload of ${name}: ${z.prettifyError(nudge.error)}`
  throw new JobsError(JobsCode.INVALID, message, { cause: nudge.error })
}

/** What a nudge is about, without its trace: equal ones that wait are one. */
export function subjectOf(nudge: object): string {
  return Object.entries(nudge)
    .filter(([field, value]) => field !== 'traceparent' && value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([field, value]) => `${field}=${value}`)
    .join('.')
}
