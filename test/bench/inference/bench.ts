import type { BenchRow } from '../main.ts'
import { type Part, partsOf } from '../parts.ts'
import { benchDense } from './dense.ts'
import { benchLoad } from './load.ts'
import { benchModelMemory } from './memory.ts'
import { benchStored } from './stored.ts'
import { benchText } from './text.ts'
import { benchTranslation } from './translation.ts'

const PARTS = new Map<string, Part>([
  ['load', benchLoad],
  ['dense', benchDense],
  ['text', benchText],
  ['translation', benchTranslation],
  ['stored', benchStored],
  ['memory', benchModelMemory],
])

/** All figures of the engines, or those of the parts that are named, as they come. */
export async function* benchInference(
  names: readonly string[],
  isQuick: boolean,
): AsyncGenerator<BenchRow> {
  yield* partsOf(PARTS, names, isQuick)
}
