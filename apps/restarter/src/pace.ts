const PAUSE_MS = { first: 1_000, most: 60_000 }
/** What nobody asked for in this time is done as if for the first time. */
const FORGET_MS = 10 * PAUSE_MS.most

/**
 * Keeps the same thing from being done over and over without a pause, where it is undone by somebody
 * else as soon as it is done. The pauses grow for as long as it is asked for again and again, and nothing else is.
 */
export function makePace(now: () => number) {
  let last = { what: '', at: -Infinity, pauseMs: 0 }
  let askedAt = -Infinity
  return {
    /** Does it, unless it was done just before. `work` says whether it was done or refused as late. */
    async once(what: string, work: () => Promise<boolean>): Promise<void> {
      const isSame = last.what === what && now() - askedAt < FORGET_MS
      askedAt = now()
      if (isSame && now() - last.at < last.pauseMs) return
      if (!(await work())) return
      const pauseMs = isSame ? Math.min(2 * last.pauseMs, PAUSE_MS.most) : PAUSE_MS.first
      last = { what, at: now(), pauseMs }
    },
  }
}
