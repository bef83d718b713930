import type { Command, Decision, Observed } from './observed.ts'

/** Commands, and a roll's time for one pod. */
type Kind = Command['kind'] | 'roll'

/** How many of the last commands of each kind the median is taken of. */
const SAMPLES_MAX = 50

/** How long each usually took, in milliseconds; undefined where none was seen to its end. */
export type Medians = Readonly<Record<Kind, number | undefined>>

/** How long the commands of this process took: the last ones of each kind. */
export function makeDurations() {
  const samples: Record<Kind, number[]> = { apply: [], recycle: [], roll: [] }

  return {
    add: (kind: Kind, ms: number): void => {
      samples[kind].push(ms)
      if (samples[kind].length > SAMPLES_MAX) samples[kind].shift()
    },

    medians: (): Medians => ({
      apply: medianOf(samples.apply),
      recycle: medianOf(samples.recycle),
      roll: medianOf(samples.roll),
    }),
  }
}

export type Durations = ReturnType<typeof makeDurations>

/** What a roll took for each of its pods is what the next one is foretold by. */
export function noteRoll(
  durations: Durations,
  { channel, deployment, now, stepSince }: Observed,
  { action }: Decision,
): void {
  if (channel?.rollout?.step.kind !== 'roll' || deployment.kind !== 'seen') return
  if (action?.kind !== 'write' || (action.what !== 'live' && action.what !== 'release')) return
  durations.add('roll', (now - stepSince) / Math.max(1, deployment.replicas))
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)],
  ]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}
