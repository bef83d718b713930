import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { LoopDelay } from '../serving/messages.ts'

/** A timer of so many milliseconds is timed: what it takes beyond that is delay. */
const RESOLUTION_MS = 10
const NS_PER_MS = 1e6

/** Watches the event loop of the thread that it is made in. */
export class LoopWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  constructor() {
    this.#histogram.enable()
  }

  /** Since the last time that it began anew. */
  read(beginsAnew: boolean): LoopDelay {
    const at = (percent: number): number => msOf(this.#histogram.percentile(percent))
    const delay = {
      p50Ms: at(50),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: msOf(this.#histogram.max),
    }
    if (beginsAnew) this.#histogram.reset()
    return delay
  }
}

const msOf = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS)
