import type { BenchRow } from '../main.ts'
import { type Part, partsOf } from '../parts.ts'
import { benchPublish } from './publish.ts'
import { benchRoll } from './roll.ts'
import { benchStart } from './start.ts'

const PARTS = new Map<string, Part>([
  ['start', benchStart],
  ['publish', benchPublish],
  ['roll', benchRoll],
])

/** All figures of the serving fleet, or those of the parts that are named, as they come. */
export async function* benchFleet(
  names: readonly string[],
  isQuick: boolean,
): AsyncGenerator<BenchRow> {
  yield* partsOf(PARTS, names, isQuick)
}
