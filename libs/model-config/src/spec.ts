import { z } from 'zod'
import { canonicalJson, digestOf, sha256 } from './canonical.ts'
import { Digest, Instant, Name, Traceparent } from './names.ts'

export const MODELS_MAX = 100
const COLUMNS_MAX = 500
const BUCKETS_MAX = 65_536
const HIDDEN_MAX = 1_024
const EPOCHS_MAX = 100
const PERIOD_MAX = 1_000_000
const WEIGHT_MAX = 1_000
const EVERY_PATTERN = /^([1-9]\d{0,5})(s|m|h|d)$/
const UNIT_MS = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const ColumnName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'a column name is 1 to 63 of A-Z, a-z, 0-9 and _')

/** How a column becomes features; the served model takes the raw value. */
export const Column = z.discriminatedUnion('type', [
  /** A number, standardised by the mean and deviation of the training rows. */
  z.strictObject({ type: z.literal('number') }),
  /** A number on a circle, such as an hour: sine and cosine of its place in `period`. */
  z.strictObject({ type: z.literal('cyclic'), period: z.number().positive().max(PERIOD_MAX) }),
  /** A text out of the values seen in training; others count as none of them. */
  z.strictObject({ type: z.literal('category') }),
])
export type Column = z.output<typeof Column>

/** What turns data into a version. */
export const Recipe = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('tabular-classifier'),
    label: ColumnName,
    columns: z.record(ColumnName, Column).refine((columns) => {
      const count = Object.keys(columns).length
      return count >= 1 && count <= COLUMNS_MAX
    }, `1 to ${COLUMNS_MAX} columns`),
  }),
  z.strictObject({
    name: z.literal('text-classifier'),
    text: ColumnName.default('text'),
    label: ColumnName.default('category'),
    buckets: z.int().min(16).max(BUCKETS_MAX).default(2_048),
    hidden: z.int().min(1).max(HIDDEN_MAX).default(48),
    epochs: z.int().min(1).max(EPOCHS_MAX).default(5),
  }),
  /** A program from the operator's list, by its name there. Never an argv. */
  z.strictObject({ name: z.literal('command'), command: Name }),
  /** Versions trained elsewhere come in by push only. */
  z.strictObject({ name: z.literal('push') }),
])
export type Recipe = z.output<typeof Recipe>

/** Where the training rows are: an uploaded file by its digest, or one below `dataRoot/<tenant>/`. */
export const Data = z.union([
  z.strictObject({
    upload: Digest,
    /** What its sender calls the file. Messages say it; it makes no difference to a training. */
    name: z
      .string()
      .max(255)
      .regex(/^[^\p{Cc}]+$/u, 'the name of a file')
      .optional(),
  }),
  z.strictObject({
    file: z
      .string()
      .max(1_024)
      .regex(/^[^/\0][^\0]*$/, 'a path below the data folder of the tenant'),
  }),
])
export type Data = z.output<typeof Data>

/** What a version must show to pass the gate. */
export const GateRules = z.strictObject({
  /** By how much, as a share of the trivial answer's log loss, a version must beat it. 0 unless told. */
  improvementMin: z.number().min(0).max(1).default(0),
  /** Fewest rows that a judgement may rest on. 50 unless told. */
  rowsMin: z.int().min(1).default(50),
})
export type GateRules = z.output<typeof GateRules>

/** One model of a tenant, as the tenant declares it. */
export const ModelSpec = z
  .strictObject({
    recipe: Recipe,
    data: Data.optional(),
    /** Train again this often, such as `24h`; never unless told. */
    every: z.string().regex(EVERY_PATTERN, 'a duration such as 30s, 15m, 24h or 7d').optional(),
    gate: GateRules.prefault({}),
  })
  .refine(({ recipe, data }) => recipe.name === 'push' || data !== undefined, {
    path: ['data'],
    message: 'a recipe that trains needs data',
  })
export type ModelSpec = z.output<typeof ModelSpec>

/** What a client declares: the body of `PUT /v1/tenants/{tenant}`. */
export const TenantSpec = z.strictObject({
  fleet: Name.default('main'),
  /** Its share of the training slots against other tenants'. */
  weight: z.number().positive().max(WEIGHT_MAX).default(1),
  models: z
    .record(Name, ModelSpec)
    .refine((models) => Object.keys(models).length <= MODELS_MAX, `at most ${MODELS_MAX} models`),
})
export type TenantSpec = z.output<typeof TenantSpec>

const ModelState = z.strictObject({
  /** The seq of this object at which the model was created or re-created. */
  born: z.int().positive(),
  /** The seq of this object at which recipe or data last became others: going back to an old spec is a new request. */
  changed: z.int().positive().optional(),
  /** When somebody last asked for a training by hand. */
  trainRequestedAt: Instant.optional(),
})

/** `tenants/<tenant>.json`: moved by compare-and-swap, written by the trainer-scheduler only. */
export const Tenant = z.strictObject({
  format: z.literal(1),
  seq: z.int().positive(),
  attempt: z.string(),
  tenant: Name,
  /** Raised by every change of the spec. */
  generation: z.int().positive(),
  /** Set by `DELETE`; the object stays, so that its seq goes on. */
  tombstone: z.boolean(),
  spec: TenantSpec,
  models: z.record(Name, ModelState),
  changedAt: Instant,
  traceparent: Traceparent,
})
export type Tenant = z.output<typeof Tenant>

/** A duration such as `15m` in milliseconds. Throws when it is none. */
export function durationMs(text: string): number {
  const [, count = '', unit = ''] = EVERY_PATTERN.exec(text) ?? []
  const unitMs = UNIT_MS.get(unit)
  if (unitMs === undefined) throw new RangeError(`${JSON.stringify(text)} is not a duration`)
  return Number(count) * unitMs
}

/** What names one training: the same inputs are the same request, so at most one version comes of it. */
export interface TrainingRequest {
  id: string
  /** The same for every slot of a schedule: what a person or new data has to change to end a quarantine. */
  cause: string
  born: number
  changed: number | undefined
  specDigest: string
  data: Data | undefined
  trainRequestedAt: string | undefined
  /** How many schedule periods have begun, counted from an epoch of the model's own. */
  slot: number | undefined
}

/** When the next slot of a schedule begins, and which one runs now. Spread by a hash of the name. */
export function slotAt(name: string, every: string, now: number) {
  const everyMs = durationMs(every)
  const offset = Number.parseInt(sha256(name).slice(0, 12), 16) % everyMs
  const slot = Math.floor((now + offset) / everyMs)
  return { slot, nextAt: (slot + 1) * everyMs - offset }
}

/**
 * What a model of a living tenant is to be trained with now; undefined when there is nothing to
 * train it with or it does not exist. `now` is in milliseconds.
 */
export function requestOf(tenant: Tenant, model: string, now: number): TrainingRequest | undefined {
  const spec = tenant.spec.models[model]
  const state = tenant.models[model]
  if (tenant.tombstone || spec === undefined || state === undefined) return undefined
  if (spec.recipe.name === 'push') return undefined
  const slot =
    spec.every === undefined ? undefined : slotAt(`${tenant.tenant}.${model}`, spec.every, now).slot
  const origin = {
    born: state.born,
    changed: state.changed,
    specDigest: specDigestOf(spec),
    data: contentOf(spec.data),
    trainRequestedAt: state.trainRequestedAt,
  }
  const request = { ...origin, slot }
  return { id: digestOf(request), cause: digestOf(origin), ...request }
}

/** The digest of what makes a version different: recipe and data, not the schedule and not the gate. */
export function specDigestOf({ recipe, data }: ModelSpec): string {
  return digestOf({ recipe, data: contentOf(data) })
}

/** Data without what it is called. */
const contentOf = (data: Data | undefined): Data | undefined =>
  data !== undefined && 'upload' in data ? { upload: data.upload } : data

/** Whether two specs say the same. */
export function isSameSpec(a: TenantSpec, b: TenantSpec): boolean {
  return canonicalJson(a) === canonicalJson(b)
}
