import { parseArgs } from 'node:util'
import { benchAcknowledge } from './acknowledge.ts'
import { benchFleet } from './fleet/bench.ts'
import { benchInference } from './inference/bench.ts'
import { benchModelServer } from './model-server/bench.ts'
import { benchOnboarding } from './onboarding.ts'

/** What a benchmark found: its own numbers, a floor from the same run, and their ratio. */
export interface BenchResult {
  name: string
  unit: string
  runs: number[]
  median: number
  worst: number
  /** The same unit: what cannot be had faster on this machine now. */
  floor: number
  ratio: number
  notes: Record<string, number | string>
}

/** One of several figures of a benchmark. */
export interface BenchRow {
  name: string
  unit: string
  value: number
  /** The same unit, from the same run; undefined where the goal is a number of its own. */
  floor?: number
  /** At most this many times the floor, or this much where there is none. */
  goal: number
  notes: Record<string, number | string>
}

const BENCHES = new Map<string, () => Promise<BenchResult>>([
  ['acknowledge', benchAcknowledge],
  ['onboarding', benchOnboarding],
])

/** Benchmarks of many figures; what follows the name chooses among their parts. */
const TABLES = new Map([
  ['fleet', benchFleet],
  ['inference', benchInference],
  ['model-server', benchModelServer],
])

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    /** Whether figures can be had at all, at sizes that say nothing; for benchmarks of many figures. */
    quick: { type: 'boolean', default: false },
  },
})
const [name = '', ...parts] = positionals
const bench = BENCHES.get(name)
const table = TABLES.get(name)
if (bench !== undefined) show(await bench())
else if (table !== undefined) await showRows(table(parts, values.quick))
else {
  const names = [...BENCHES.keys(), ...TABLES.keys()].join(', ')
  console.error(`npm run bench -- <name> [part...] [--json] [--quick], with one of: ${names}`)
  process.exit(2)
}
process.exit(0)

function show(result: BenchResult): void {
  if (values.json) return console.log(JSON.stringify(result))
  const { unit, runs, median, worst, floor, ratio, notes } = result
  console.log(`${name}: ${runs.map((run) => run.toFixed(1)).join(', ')} ${unit}`)
  console.log(
    `median ${median.toFixed(1)}, worst ${worst.toFixed(1)}, floor ${floor.toFixed(1)} ${unit}`,
  )
  console.log(`ratio to the floor ${ratio.toFixed(2)}`)
  for (const [note, value] of Object.entries(notes)) console.log(`  ${note}: ${value}`)
}

/** Rows as they come; in JSON all at the end. */
async function showRows(rows: AsyncIterable<BenchRow>): Promise<void> {
  const all: BenchRow[] = []
  for await (const row of rows) {
    all.push(row)
    if (!values.json) showRow(row)
  }
  if (values.json) console.log(JSON.stringify(all))
}

function showRow({ name: what, unit, value, floor, goal, notes }: BenchRow): void {
  const measured = floor === undefined ? value : value / floor
  const against =
    floor === undefined ? '' : `, floor ${floor.toFixed(1)}, ratio ${measured.toFixed(2)}`
  const judged = measured <= goal ? 'met' : 'NOT MET'
  const verdict = values.quick ? 'too quick to judge' : judged
  console.log(`${what}: ${value.toFixed(1)} ${unit}${against}; goal ${goal}: ${verdict}`)
  for (const [note, noted] of Object.entries(notes)) console.log(`  ${note}: ${noted}`)
}
