import type { BenchRow } from '../main.ts'
import { type Part, partsOf } from '../parts.ts'
import { benchChange } from './change.ts'
import { benchCycles } from './cycles.ts'
import { benchLoading } from './loading.ts'
import { benchMemory } from './memory.ts'
import { pinSelf } from './processes.ts'
import { benchThroughput } from './throughput.ts'
import { benchWorkers } from './workers.ts'

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
  pinSelf()
  yield* partsOf(PARTS, names, isQuick)
}
