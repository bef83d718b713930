// Requests on record, with which a model is warmed up before it serves.

import { ServingError } from '../errors.ts'
import {
  decodeInferenceRequest,
  decodeMultiInferenceRequest,
  type InferenceRequest,
  type MultiInferenceRequest,
} from '../grpc/inference-request.ts'
import { decodePredictRequest, type PredictRequest } from '../grpc/predict-request.ts'
import { Pieces } from '../wire/pieces.ts'
import { WireReader, WireType } from '../wire/reader.ts'

/** Where a version keeps its records, below its own folder. */
export const WARM_UP_PATH = 'assets.extra/tf_serving_warmup_requests'
/** Files with more records are refused. */
export const WARM_UP_RECORDS_MAX = 1_000

/** A request to warm up with. */
export type WarmUpRequest =
  | { kind: 'predict'; request: PredictRequest }
  | { kind: 'classify'; request: InferenceRequest }
  | { kind: 'regress'; request: InferenceRequest }
  | { kind: 'multi_inference'; request: MultiInferenceRequest }

/** Of `PredictionLog`. */
const LOGS = {
  CLASSIFY: 2,
  REGRESS: 3,
  MULTI_INFERENCE: 4,
  SESSION_RUN: 5,
  PREDICT: 6,
  STREAMED: 7,
}
const LOG_FIELDS = new Set(Object.values(LOGS))
/** Of each kind of log. */
const REQUEST = 1

/**
 * Reads a PredictionLog; undefined if nothing is on record, which is passed over. Throws
 * INVALID_ARGUMENT for bytes that are none, and UNIMPLEMENTED for a kind that cannot be run.
 */
export function decodePredictionLog(record: Uint8Array): WarmUpRequest | undefined {
  try {
    return decodeLog(record)
  } catch (cause) {
    if (!(cause instanceof ServingError) || cause.code !== 'INTERNAL') throw cause
    throw new ServingError('INVALID_ARGUMENT', 'Failed to parse warmup record', { cause })
  }
}

function decodeLog(record: Uint8Array): WarmUpRequest | undefined {
  const { kind, log } = lastLog(record)
  switch (kind) {
    case LOGS.PREDICT:
      return { kind: 'predict', request: decodePredictRequest(requestOf(log)) }
    case LOGS.CLASSIFY:
      return { kind: 'classify', request: decodeInferenceRequest(requestOf(log)) }
    case LOGS.REGRESS:
      return { kind: 'regress', request: decodeInferenceRequest(requestOf(log)) }
    case LOGS.MULTI_INFERENCE:
      return { kind: 'multi_inference', request: decodeMultiInferenceRequest(requestOf(log)) }
    case 0:
      return undefined
    default:
      throw new ServingError('UNIMPLEMENTED', `Unsupported log_type for warmup: ${kind}`)
  }
}

/** A record has one log: of several the last one counts, and pieces of one are put together. */
function lastLog(record: Uint8Array): { kind: number; log: Uint8Array } {
  const reader = new WireReader(record)
  let kind = 0
  const log = new Pieces()
  while (reader.next()) {
    if (!LOG_FIELDS.has(reader.field) || reader.type !== WireType.BYTES) {
      reader.skip()
      continue
    }
    if (kind !== reader.field) log.clear()
    kind = reader.field
    log.add(reader.readBytes())
  }
  return { kind, log: log.join() }
}

function requestOf(log: Uint8Array): Uint8Array {
  const reader = new WireReader(log)
  const request = new Pieces()
  while (reader.next()) {
    if (reader.field === REQUEST && reader.type === WireType.BYTES) request.add(reader.readBytes())
    else reader.skip()
  }
  return request.join()
}
