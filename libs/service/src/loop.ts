import { once } from 'node:events'

const TURNS_IN_A_ROW_MAX = 10_000

export interface LoopOptions {
  /** Observes, plans and acts once. False: there is nothing more to do now. */
  turn: (signal: AbortSignal) => Promise<boolean>
  /** Longest time between two looks at the world. */
  scanMs: number
  /** Wait after a failed turn, so that a broken world is not asked without a pause. */
  backoffMs: number
  /** Hears of each failed turn; what it was about is seen again at the next look. */
  onError: (error: unknown) => void
}

/** A level-triggered loop: turns until nothing is left to do, then waits for a nudge or the timer. */
export function makeLoop({ turn, scanMs, backoffMs, onError }: LoopOptions) {
  const nudges = new EventTarget()
  let nudged = false

  async function settle(stop: AbortSignal): Promise<number> {
    try {
      for (let turns = 0; turns < TURNS_IN_A_ROW_MAX && !stop.aborted; turns++) {
        if (!(await turn(stop))) return scanMs
      }
      return 0
    } catch (error) {
      if (!stop.aborted) onError(error)
      return Math.min(backoffMs, scanMs)
    }
  }

  return {
    /** Asks for a look at the world now. One that comes during a look leads to one more. */
    nudge(): void {
      nudged = true
      nudges.dispatchEvent(new Event('nudge'))
    },

    /** Runs until the signal; what it is doing then is finished first. */
    async run(stop: AbortSignal): Promise<void> {
      while (!stop.aborted) {
        nudged = false
        const waitMs = await settle(stop)
        if (nudged) continue
        const wake = AbortSignal.any([stop, AbortSignal.timeout(waitMs)])
        // The wait ends by a nudge, the timer or the stop; all three lead to the next look.
        await once(nudges, 'nudge', { signal: wake }).catch(() => {})
      }
    },
  }
}

export type Loop = ReturnType<typeof makeLoop>
