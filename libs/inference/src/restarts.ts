// When what has ended is started again: at once but for a moment, and later each time where it keeps ending.

const DELAY_MS_MIN = 100
const DELAY_MS_MAX = 30_000
/** After a life as long as this, the next death counts as the first. */
const STABLE_MS = 60_000

/** How many short lives in a row there were, after one more that took so long. */
export const failuresAfter = (failures: number, livedMs: number): number =>
  livedMs > STABLE_MS ? 1 : failures + 1

/** How long after the last of so many short lives the next one begins. */
export const restartDelayMs = (failures: number): number =>
  Math.min(DELAY_MS_MIN * 2 ** (failures - 1), DELAY_MS_MAX)
