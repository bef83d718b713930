// Which bodies are too much for a thread that listens: to read one of them would hold its loop, and
// all its clients, for longer than 10 ms.

import { LANE_BODY_BYTES, type RestMethod } from '../serving/core.ts'

/** Bodies of anything that may be in JSON: at most 0.2 ms a KiB. */
const ANYTHING_BYTES_MAX = 32 * 1024
/** Bodies of plain numbers: at most 0.07 ms a KiB. */
const NUMBERS_BYTES_MAX = LANE_BODY_BYTES / 2
/** Where the numbers must have begun. */
const NAMES_BYTES_MAX = 128
/** What numbers do not have in them, or only those that take long to read. */
const OTHER = ['"', 'e', 'E'].map((character) => character.charCodeAt(0))

/** Whether a body belongs into the lane. */
export function isHeavy(method: RestMethod, body: Uint8Array): boolean {
  if (body.length <= ANYTHING_BYTES_MAX) return false
  return method !== 'predict' || body.length > NUMBERS_BYTES_MAX || !isOfNumbers(body)
}

/** Looked at by native code, at some GB a second. */
const isOfNumbers = (body: Uint8Array): boolean =>
  OTHER.every((code) => body.indexOf(code, NAMES_BYTES_MAX) < 0)
