import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type TenantSpec, sha256 } from '@drover/model-config'
import { z } from 'zod'

/** The 20 busiest origin airports are onboarded at start. */
export const BUSIEST = 20
export const SAMPLE_MODEL = 'late'
const LATE_MINUTES = 15
const DATE_PATTERN = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):\d\d$/
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']

const Flight = z.object({
  date: z.string().regex(DATE_PATTERN),
  delay: z.number(),
  distance: z.number(),
  origin: z.string(),
  destination: z.string(),
})
type Flight = z.output<typeof Flight>

/** What a client knows before a flight leaves: the columns of its model. */
export interface FlightRow {
  hour: number
  weekday: string
  distance: number
  destination: string
}

/** One origin airport as a client of Drover. */
export interface SampleTenant {
  tenant: string
  csv: string
  spec: TenantSpec
  /** A raw row to ask about. */
  row: FlightRow
}

/** Every airport of the sample, busiest first. Throws when the package's file is not as expected. */
export async function readFlights(): Promise<SampleTenant[]> {
  // The package exports its entry only; the data lies beside it.
  const entry = createRequire(import.meta.url).resolve('vega-datasets')
  const path = join(dirname(entry), '..', 'data', 'flights-20k.json')
  const flights = z.array(Flight).parse(JSON.parse(await readFile(path, 'utf8')))
  const byOrigin = new Map<string, Flight[]>()
  for (const flight of flights) {
    const group = byOrigin.get(flight.origin)
    if (group === undefined) byOrigin.set(flight.origin, [flight])
    else group.push(flight)
  }
  return Array.from(byOrigin)
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([origin, group]) => makeTenant(origin.toLowerCase(), group))
}

function makeTenant(tenant: string, flights: readonly Flight[]): SampleTenant {
  const rows = flights.map((flight) => ({ ...toRow(flight), late: flight.delay > LATE_MINUTES }))
  const lines = rows.map(
    ({ hour, weekday, distance, destination, late }) =>
      `${hour},${weekday},${distance},${destination},${late ? 'late' : 'on-time'}`,
  )
  const csv = ['hour,weekday,distance,destination,late', ...lines, ''].join('\n')
  const [first] = rows
  if (first === undefined) throw new Error(`no flight leaves from ${tenant}`)
  const { hour, weekday, distance, destination } = first
  const row = { hour, weekday, distance, destination }
  return { tenant, csv, spec: makeSpec(sha256(csv)), row }
}

function toRow({ date, distance, destination }: Flight): FlightRow {
  const [, year, month, day, hour] = DATE_PATTERN.exec(date) ?? []
  const weekday = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDay()
  return { hour: Number(hour), weekday: WEEKDAYS[weekday] ?? '', distance, destination }
}

/** `delay` is no column: it is the label itself, and nobody knows it before the flight. */
function makeSpec(upload: string): TenantSpec {
  return {
    fleet: 'main',
    weight: 1,
    models: {
      [SAMPLE_MODEL]: {
        recipe: {
          name: 'tabular-classifier',
          label: 'late',
          columns: {
            hour: { type: 'cyclic', period: 24 },
            weekday: { type: 'category' },
            distance: { type: 'number' },
            destination: { type: 'category' },
          },
        },
        data: { upload },
        gate: { improvementMin: 0, rowsMin: 50 },
      },
    },
  }
}
