import { asIntegers, invalid, type Value } from '../values.ts'

/** Where rows of so many values end: from zero, never back, to the last. */
export function checkSplits(ends: readonly number[], values: number): void {
  const isRising = ends.every((end, index) => end >= (ends[index - 1] ?? 0))
  const isWhole = ends.length === 0 ? values === 0 : ends[0] === 0 && ends.at(-1) === values
  if (!isRising || !isWhole) throw invalid('the splits do not divide the values')
}

/** The ends of rows of so many values; there is at least the first one. */
export function splitsOf(splits: Value, values: number): number[] {
  const ends = asIntegers(splits)
  if (ends.length === 0) throw invalid('there are no splits')
  checkSplits(ends, values)
  return ends
}
