import { invalid } from '../values.ts'

/** Where rows of so many values end: from zero, never back, to the last. */
export function checkSplits(ends: readonly number[], values: number): void {
  const isRising = ends.every((end, index) => end >= (ends[index - 1] ?? 0))
  const isWhole = ends.length === 0 ? values === 0 : ends[0] === 0 && ends.at(-1) === values
  if (!isRising || !isWhole) throw invalid('the splits do not divide the values')
}
