import { mapBounded } from '@drover/basics'
import { Audit, auditDayPrefix, auditPrefix } from '@drover/model-config'
import { isObjectFault, type ModelStore, requireJson } from '@drover/model-store'
import { ApiError } from '@drover/service'
import { z } from 'zod'
import type { Records } from './records.ts'

/** How many records an answer has unless told, and at most. */
export const AUDIT_LIMIT = 50
export const AUDIT_LIMIT_MAX = 1_000
/** How many days that have records are looked through, and how many records are read, for one answer. */
const DAYS_MAX = 366
const READS_MAX = 20_000
const READS_AT_ONCE = 16

/** Whose records are asked for: those of one tenant or fleet, or all. */
export interface AuditQuestion {
  tenant?: string | undefined
  fleet?: string | undefined
  limit: number
}

export interface AuditAnswer {
  /** The newest last. */
  records: Audit[]
  /** There may be older ones. */
  isMore: boolean
  /** The keys of records that cannot be read. */
  unreadable: string[]
}

/** A record as its name tells of it. */
interface Filed {
  key: string
  /** What one numbering goes through: `tenants.acme`, `controls.acme`, `fleets.main.live`. */
  series: string
  /** Rises with time within its series. */
  number: number
  /** The try that wrote it; the restarter's records have none. */
  attempt: string | undefined
}

type Read = Filed & { record: Audit }

const OF_TENANT = /^((?:tenants|controls)\.[^.]+)\.(\d+)\.([^.]+)\.json$/
const OF_FLEET = /^(fleets\.[^.]+\..+)\.(\d+)\.json$/

/**
 * The newest audit records. A writer leaves its record before its change, so one that lost to another
 * leaves the record of a try: such are not shown.
 */
export async function readAudit(
  { store, records }: { store: ModelStore; records: Records },
  { tenant, fleet, limit }: AuditQuestion,
): Promise<AuditAnswer> {
  const days = (await store.list(auditPrefix)).toReversed()
  const isDone = makeJudge(records)
  const unreadable: string[] = []
  const found: Audit[] = []
  let reads = 0
  for (const [at, day] of days.slice(0, DAYS_MAX).entries()) {
    const prefix = auditDayPrefix(day)
    const filed = (await store.list(prefix)).flatMap((name) => parseName(prefix, name) ?? [])
    const matching = filed.filter(isAbout(tenant, fleet))
    const asked = newestOfEach(matching, limit)
    reads += asked.length
    if (reads > READS_MAX) throw tooMany(reads)
    const { read, faulty } = await readAll(store, asked)
    unreadable.push(...faulty)
    const done = await isDone(read, limit - found.length)
    found.push(...done.records)
    if (found.length < limit) continue
    const isMore = done.isMore || asked.length < matching.length || at + 1 < days.length
    return { records: found.toReversed(), isMore, unreadable }
  }
  return { records: found.toReversed(), isMore: days.length > DAYS_MAX, unreadable }
}

/** What has another name is no record by the protocol. */
function parseName(prefix: string, name: string): Filed | undefined {
  const [, series, digits, attempt] = OF_TENANT.exec(name) ?? OF_FLEET.exec(name) ?? []
  if (series === undefined) return undefined
  return { key: `${prefix}/${name}`, series, number: Number(digits), attempt }
}

function isAbout(tenant: string | undefined, fleet: string | undefined) {
  return ({ series }: Filed): boolean => {
    const [kind, name] = series.split('.')
    if (tenant !== undefined) return kind !== 'fleets' && name === tenant
    return fleet === undefined || (kind === 'fleets' && name === fleet)
  }
}

/** Of each series those of its highest numbers: a busy fleet has thousands of records a day. */
function newestOfEach(filed: readonly Filed[], limit: number): Filed[] {
  const numbers = new Map<string, Set<number>>()
  for (const { series, number } of filed) {
    numbers.set(series, (numbers.get(series) ?? new Set()).add(number))
  }
  const lowest = new Map(
    Array.from(numbers, ([series, all]) => {
      return [
        series,
        [...all]
          .toSorted((a, b) => b - a)
          .slice(0, limit)
          .at(-1) ?? 0,
      ]
    }),
  )
  return filed.filter(({ series, number }) => number >= (lowest.get(series) ?? 0))
}

const tooMany = (reads: number): ApiError =>
  new ApiError(
    409,
    `these are more than ${reads} records, and at most ${READS_MAX} are read: name a tenant or a fleet`,
  )

async function readAll(store: ModelStore, filed: readonly Filed[]) {
  const faulty: string[] = []
  const read = await mapBounded(filed, READS_AT_ONCE, async (each): Promise<Read[]> => {
    try {
      return [{ ...each, record: await requireJson(store, each.key, Audit) }]
    } catch (error) {
      if (!isObjectFault(error)) throw error
      faulty.push(each.key)
      return []
    }
  })
  return { read: read.flat(), faulty }
}

const Before = z.object({ seq: z.int(), attempt: z.string() })

/**
 * Tells what was done from what was only tried. It is given the days from the newest to the oldest,
 * since it is the next record of an object that says whose try the one before was.
 */
function makeJudge(records: Records) {
  const winners = new Map<string, string>()

  async function isDone({ series, number, attempt }: Read): Promise<boolean> {
    if (attempt === undefined) return true
    const winner = winners.get(`${series}.${number}`)
    if (winner !== undefined) return winner === attempt
    const { seq, attempt: last } = await stateOf(records, series)
    // A state that is further on, with no record of how it got there, says nothing of this one.
    return seq === number ? last === attempt : seq > number
  }

  /** So many of a day's records, the newest first. */
  return async (
    read: readonly Read[],
    max: number,
  ): Promise<{ records: Audit[]; isMore: boolean }> => {
    for (const { series, attempt, record } of read) {
      const before = attempt === undefined ? undefined : Before.safeParse(record.before).data
      if (before !== undefined) winners.set(`${series}.${before.seq}`, before.attempt)
    }
    const open = read.toSorted(byTime).toReversed()
    const found: Audit[] = []
    while (open.length > 0 && found.length < max) {
      const some = open.splice(0, max - found.length)
      const done = await mapBounded(some, READS_AT_ONCE, isDone)
      found.push(...some.filter((_, at) => done[at]).map(({ record }) => record))
    }
    return { records: found, isMore: open.length > 0 }
  }
}

const byTime = ({ record: a }: Read, { record: b }: Read): number =>
  Date.parse(a.at) - Date.parse(b.at) || a.seq - b.seq

/** Which state the object of a record is in now, and whose try that was. */
async function stateOf(
  records: Records,
  series: string,
): Promise<{ seq: number; attempt?: string }> {
  const tenant = series.slice(series.indexOf('.') + 1)
  const isOfPins = series.startsWith('controls.')
  try {
    const state = await (isOfPins ? records.controls(tenant) : records.tenant(tenant))
    return state ?? { seq: 0 }
  } catch (error) {
    if (!isObjectFault(error)) throw error
    // It says nothing, so the record is believed.
    return { seq: Number.POSITIVE_INFINITY }
  }
}
