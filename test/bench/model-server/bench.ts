import type { BenchRow } from '../main.ts'
import { benchChange } from './change.ts'
import { benchCycles } from './cycles.ts'
import { benchLoading } from './loading.ts'
import { benchMemory } from './memory.ts'
import { pinSelf } from './processes.ts'
import { benchThroughput } from './throughput.ts'
import { benchWorkers } from './workers.ts'

/** Measures one kind of figures; quickly: only whether they can be had, at sizes that say nothing. */
export type Part = (isQuick: boolean) => AsyncGenerator<BenchRow>

const PARTS = new Map<string, Part>([
  ['throughput', benchThroughput],
  ['memory', benchMemory],
  ['change', benchChange],
  ['loading', benchLoading],
  ['cycles', benchCycles],
  ['workers', benchWorkers],
])

/** All figures of the model server, or those of the parts that are named, as they come. */
export async function* benchModelServer(
  names: readonly string[],
  isQuick: boolean,
): AsyncGenerator<BenchRow> {
  const unknown = names.find((name) => !PARTS.has(name))
  if (unknown !== undefined)
    throw new Error(`no part ${unknown}; there is ${[...PARTS.keys()].join(', ')}`)
  pinSelf()
  for (const [name, part] of PARTS)
    if (names.length === 0 || names.includes(name)) yield* part(isQuick)
}
