// What the metrics page tells.

/** How long one piece of work held an event loop, in milliseconds. */
export interface LoopDelay {
  p999: number
  max: number
}

/** By thread: `0` and so on answer requests, `lane` takes the large ones. */
export type LoopDelays = Map<string, LoopDelay>

const DELAY =
  /^drover_model_server_event_loop_delay_seconds\{thread="(\w+)",quantile="(\S+)"\} (\S+)$/gm
const AVAILABLE = /^drover_model_server_versions\{state="AVAILABLE"\} (\d+)$/m
const MS_PER_SECOND = 1_000

export function loopDelaysOf(page: string): LoopDelays {
  const delays: LoopDelays = new Map()
  for (const [, thread = '', quantile, seconds] of page.matchAll(DELAY)) {
    const delay = delays.get(thread) ?? { p999: NaN, max: NaN }
    if (quantile === '0.999') delay.p999 = Number(seconds) * MS_PER_SECOND
    if (quantile === '1') delay.max = Number(seconds) * MS_PER_SECOND
    delays.set(thread, delay)
  }
  if (delays.size === 0) throw new Error('the metrics page tells of no event loop')
  return delays
}

/** The largest over all threads. */
export const worstOf = (delays: LoopDelays, which: keyof LoopDelay): number =>
  Math.max(...Array.from(delays.values(), (delay) => delay[which]))

/** Versions that answer. */
export const availableOf = (page: string): number => Number(AVAILABLE.exec(page)?.[1] ?? 0)
