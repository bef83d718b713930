import type { BenchRow } from '../main.ts'
import { benchThroughput } from './throughput.ts'

const PARTS = new Map<string, () => Promise<BenchRow[]>>([['throughput', benchThroughput]])

/** All figures of the model server, or those of the parts that are named. */
export async function benchModelServer(names: readonly string[]): Promise<BenchRow[]> {
  const unknown = names.find((name) => !PARTS.has(name))
  if (unknown !== undefined)
    throw new Error(`no part ${unknown}; there is ${[...PARTS.keys()].join(', ')}`)
  const rows: BenchRow[] = []
  for (const [name, part] of PARTS)
    if (names.length === 0 || names.includes(name)) rows.push(...(await part()))
  return rows
}
