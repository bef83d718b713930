// Work that must not hold up the event loop: a stretch of it, then whatever else waits, then the next.

import { performance } from 'node:perf_hooks'
import { InferenceError } from '../errors.ts'

/** How long a stretch may take, about. */
const STRETCH_MS = 2

/** Runs that wait for their next stretch. Each turn of the event loop has one, however many there are. */
const waiting: (() => void)[] = []

/** Work that can be done piece by piece. */
export interface Pieces<T> {
  readonly isDone: boolean
  /** Does the next piece. */
  work(): void
  finish(): T
  /** To be called once, after the last piece or one that has failed. */
  close(): void
}

/**
 * The answer at once if one stretch is enough for it and nobody waits for another; TIMEOUT when the deadline
 * has passed before a piece.
 */
export function runInStretches<T>(pieces: Pieces<T>, deadlineMs: number): T | Promise<T> {
  let isOver = true
  try {
    if (waiting.length === 0 && stretch(pieces, deadlineMs)) return pieces.finish()
    isOver = false
    return goOn(pieces, deadlineMs)
  } finally {
    if (isOver) pieces.close()
  }
}

/** Both times are on the clock of `performance.now()`. */
function stretch(pieces: Pieces<unknown>, deadlineMs: number): boolean {
  const startMs = performance.now()
  for (let nowMs = startMs; !pieces.isDone; nowMs = performance.now()) {
    if (nowMs > deadlineMs) throw new InferenceError('TIMEOUT', 'it took too long')
    if (nowMs - startMs > STRETCH_MS) return false
    pieces.work()
  }
  return true
}

async function goOn<T>(pieces: Pieces<T>, deadlineMs: number): Promise<T> {
  try {
    do await turn()
    while (!stretch(pieces, deadlineMs))
    return pieces.finish()
  } finally {
    pieces.close()
  }
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next)
  })
}

function next(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(next)
}
