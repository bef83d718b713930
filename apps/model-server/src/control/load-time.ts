import type { ControlLimits } from './limits.ts'

/**
 * How much of the time goes into loads that make others leave memory: a bucket that fills while any
 * is under way, and leaks at the share of the time that is allowed. Quick loads may so happen hundreds
 * of times in a second, and slow ones may not follow each other for ever. Times are in ms.
 */
export class LoadTime {
  readonly #limits: Pick<ControlLimits, 'evictionLoadShareMax' | 'evictionLoadMsMax'>
  #running = 0
  #spentMs = 0
  #atMs = 0

  constructor(limits: Pick<ControlLimits, 'evictionLoadShareMax' | 'evictionLoadMsMax'>) {
    this.#limits = limits
  }

  begin(nowMs: number): void {
    this.#pass(nowMs)
    this.#running++
  }

  end(nowMs: number): void {
    this.#pass(nowMs)
    this.#running--
  }

  /** How long the next load has to wait; 0 for not at all. */
  waitMs(nowMs: number): number {
    this.#pass(nowMs)
    const { evictionLoadMsMax, evictionLoadShareMax } = this.#limits
    return Math.max(0, (this.#spentMs - evictionLoadMsMax) / evictionLoadShareMax)
  }

  #pass(nowMs: number): void {
    const { evictionLoadMsMax, evictionLoadShareMax } = this.#limits
    const passedMs = Math.max(0, nowMs - this.#atMs)
    this.#atMs = nowMs
    const share = (this.#running > 0 ? 1 : 0) - evictionLoadShareMax
    // One load that takes minutes must not keep all others out for as long.
    const fullMs = 2 * evictionLoadMsMax
    this.#spentMs = Math.min(fullMs, Math.max(0, this.#spentMs + passedMs * share))
  }
}
