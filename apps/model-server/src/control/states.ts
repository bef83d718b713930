// The life of a version, in TensorFlow Serving's words:
//
//   START       wanted; waits for its turn to load    -> LOADING, or END when it is wanted no more
//   LOADING     its files are being read              -> AVAILABLE, or END with an error
//   AVAILABLE   answers requests                      -> UNLOADING
//   UNLOADING   answers the requests that it has      -> END
//   END         gone, or failed; a new try is a new version object at START

import { strict as assert } from 'node:assert'
import type { ServableState } from '@drover/serving-api'

const MOVES: Readonly<Record<ServableState, readonly ServableState[]>> = {
  START: ['LOADING', 'END'],
  LOADING: ['AVAILABLE', 'END'],
  AVAILABLE: ['UNLOADING'],
  UNLOADING: ['END'],
  END: [],
}

/** The next state, if there is a way there; any other wish is a mistake of this program. */
export function move(from: ServableState, to: ServableState): ServableState {
  assert(MOVES[from].includes(to), `a version cannot go from ${from} to ${to}`)
  return to
}
