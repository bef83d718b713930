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

/**
 * A level-triggered loop: turns until nothing is left to do, then waits for a nudge or the timer.
 * After a failed turn it waits out the backoff, nudged or not.
 */
export function makeLoop({ turn, scanMs, backoffMs, onError }: LoopOptions) {
  let isNudged = false
  let wake: (() => void) | undefined

  async function settle(stop: AbortSignal): Promise<'done' | 'more' | 'failed'> {
    try {
      for (let turns = 0; turns < TURNS_IN_A_ROW_MAX && !stop.aborted; turns++) {
        if (!(await turn(stop))) return 'done'
      }
      return 'more'
    } catch (error) {
      if (!stop.aborted) onError(error)
      return 'failed'
    }
  }

  /** Waits for the timer, the stop or, where that may end it, a nudge. */
  async function wait(ms: number, stop: AbortSignal, endsByNudge: boolean): Promise<void> {
    if (stop.aborted || (endsByNudge && isNudged)) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        stop.removeEventListener('abort', end)
        wake = undefined
        resolve()
      }
      const timer = setTimeout(end, ms)
      stop.addEventListener('abort', end)
      if (endsByNudge) wake = end
    })
  }

  return {
    /** Asks for a look at the world now. One that comes during a look leads to one more. */
    nudge(): void {
      isNudged = true
      wake?.()
    },

    /** Runs until the signal; what it is doing then is finished first. */
    async run(stop: AbortSignal): Promise<void> {
      while (!stop.aborted) {
        isNudged = false
        const outcome = await settle(stop)
        if (outcome === 'failed') await wait(Math.min(backoffMs, scanMs), stop, false)
        else await wait(outcome === 'more' ? 0 : scanMs, stop, true)
      }
    },
  }
}

export type Loop = ReturnType<typeof makeLoop>
