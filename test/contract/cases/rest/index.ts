// What TensorFlow Serving answers over REST, as data. Sources are upstream's files (release 2.20), and
// the bytes that RapidJSON writes.

import type { RestCase } from './case.ts'
import { INFERENCE, INFERENCE_REFUSED } from './inference.ts'
import { COMPRESSED, JSON_TEXT } from './json.ts'
import { MALFORMED, OPTIONS, PATHS } from './paths.ts'
import { MISFORMED, NOT_THERE, PREDICT } from './predict.ts'
import { SHAPES } from './shapes.ts'
import { METADATA_CASES, STATUS } from './status.ts'
import { FLOATS, LAYOUT, TEXTS, TYPES } from './types.ts'

/** Cases for a server with the models of `writeModels` and no flag beside them. */
export const REST_CASES: Readonly<Record<string, readonly RestCase[]>> = {
  paths: PATHS,
  'paths that are malformed': MALFORMED,
  OPTIONS,
  predict: PREDICT,
  'predict what is not there': NOT_THERE,
  'predict, misformed': MISFORMED,
  'lists in lists': SHAPES,
  'element types': TYPES,
  'floating numbers': FLOATS,
  'texts and bytes': TEXTS,
  'layout of answers': LAYOUT,
  'JSON text': JSON_TEXT,
  'compressed bodies': COMPRESSED,
  'classify and regress': INFERENCE,
  'classify and regress, refused': INFERENCE_REFUSED,
  status: STATUS,
  metadata: METADATA_CASES,
}
