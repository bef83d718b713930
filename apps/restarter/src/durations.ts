import type { Command } from './observed.ts'

/** How many of the last commands of each kind the median is taken of. */
const SAMPLES_MAX = 50

/** How long commands usually took, in milliseconds; undefined where none was seen to its end. */
export type Medians = Readonly<Record<Command['kind'], number | undefined>>

/** How long the commands of this process took: the last ones of each kind. */
export function makeDurations() {
  const samples: Record<Command['kind'], number[]> = { apply: [], recycle: [] }

  return {
    add: (kind: Command['kind'], ms: number): void => {
      samples[kind].push(ms)
      if (samples[kind].length > SAMPLES_MAX) samples[kind].shift()
    },

    medians: (): Medians => ({
      apply: medianOf(samples.apply),
      recycle: medianOf(samples.recycle),
    }),
  }
}

export type Durations = ReturnType<typeof makeDurations>

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)],
  ]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}
