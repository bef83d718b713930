// Damaged graphs: always read all the same or refused with a name, soon, and with little memory.

import { InferenceError } from './errors.ts'
import { inspectBytes } from './inspect.ts'
import { denseModel, tabularModel, textModel } from './sample-models.ts'

/** Of the processor, since others wait for it too. */
export const MS_MAX = 1_000

/** Whole graphs that are damaged. */
export const WHOLE: Record<string, () => Uint8Array> = {
  text: textModel,
  tabular: tabularModel,
  dense: () => denseModel([4, 3, 2]),
}

/** What was neither read nor refused with a reason, or took too long; undefined: nothing was wrong. */
export function faultOfReading(bytes: Uint8Array): string | undefined {
  const start = process.cpuUsage()
  const found = refusalOf(bytes)
  const spentMs = process.cpuUsage(start).user / 1_000
  if (spentMs > MS_MAX) return `it took ${spentMs} ms`
  return found
}

function refusalOf(bytes: Uint8Array): string | undefined {
  const graph = new Uint8Array(bytes)
  try {
    inspectBytes('/model', {
      graph,
      isText: false,
      sizeBytes: graph.length,
      files: [],
      unread: [],
      unreadBytes: 0,
      stamps: new Map(),
      checkpoint: new Map(),
      assets: new Map(),
    })
    return undefined
  } catch (error) {
    const isRefused = error instanceof InferenceError && error.code === 'LOAD_FAILED'
    return isRefused ? undefined : `it throws ${String(error)}`
  }
}

/** A copy that ends early. */
export const cut = (bytes: Uint8Array, at: number): Uint8Array => bytes.slice(0, at)

/** A copy with one bit turned. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes)
  const at = bit >> 3
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
  return copy
}
