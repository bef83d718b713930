import { z } from 'zod'
import { Instant, Name, Traceparent, Version } from './names.ts'

/** `changes/<yyyymmddhh>/<id>.json`: written before the change itself; what the minute scan reads. */
export const Change = z.strictObject({
  format: z.literal(1),
  kind: z.enum(['spec', 'tombstone', 'control', 'data', 'commit']),
  tenant: Name,
  model: Name.optional(),
  version: Version.optional(),
  at: Instant,
  traceparent: Traceparent,
})
export type Change = z.output<typeof Change>

/** `audit/<yyyy-mm-dd>/<key>.json`: who changed what, when and why. The key derives from object and seq. */
export const Audit = z.strictObject({
  format: z.literal(1),
  object: z.string(),
  seq: z.int().nonnegative(),
  by: z.string(),
  what: z.string(),
  why: z.string().optional(),
  /** The whole object as it was, where it was replaced. */
  before: z.json().optional(),
  at: Instant,
})
export type Audit = z.output<typeof Audit>
