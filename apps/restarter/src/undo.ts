import { openUndo } from '@drover/model-config'
import type { Observed } from './observed.ts'

/** The publisher is told of an undo again and again until it has carried it out. */
const NUDGE_MS = 5_000

/**
 * Says at a look whether the publisher is to be told of an undo: nothing but a nudge tells it, and
 * a nudge may be lost.
 */
export function makeUndoReminder(): (observed: Observed) => boolean {
  let told: { asked: number; at: number } | undefined
  return ({ channel, now }) => {
    const undo = channel && openUndo(channel)
    if (undo === undefined) return false
    if (told?.asked === undo.asked && now - told.at < NUDGE_MS) return false
    told = { asked: undo.asked, at: now }
    return true
  }
}
