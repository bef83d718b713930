// `performance.now()` begins with each thread; this clock is the same in all threads, and in the
// processes that they start: the system's monotonic one.

const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** A time of this thread's `performance.now()` on the clock that all threads share; in ms. */
export const toShared = (ms: number): number => ms + OFFSET_MS

/** A time of the clock that all threads share on this thread's `performance.now()`; in ms. */
export const fromShared = (ms: number): number => ms - OFFSET_MS
