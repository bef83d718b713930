import { parseArgs } from 'node:util'
import { benchAcknowledge } from './acknowledge.ts'
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

const BENCHES = new Map<string, () => Promise<BenchResult>>([
  ['acknowledge', benchAcknowledge],
  ['onboarding', benchOnboarding],
])

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
})
const bench = BENCHES.get(positionals[0] ?? '')
if (bench === undefined) {
  console.error(`npm run bench -- <name> [--json], with one of: ${[...BENCHES.keys()].join(', ')}`)
  process.exit(2)
}
const result = await bench()
if (values.json) {
  console.log(JSON.stringify(result))
} else {
  const { name, unit, runs, median, worst, floor, ratio, notes } = result
  console.log(`${name}: ${runs.map((run) => run.toFixed(1)).join(', ')} ${unit}`)
  console.log(
    `median ${median.toFixed(1)}, worst ${worst.toFixed(1)}, floor ${floor.toFixed(1)} ${unit}`,
  )
  console.log(`ratio to the floor ${ratio.toFixed(2)}`)
  for (const [note, value] of Object.entries(notes)) console.log(`  ${note}: ${value}`)
}
process.exit(0)
