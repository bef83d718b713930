// What TensorFlow Serving answers over gRPC, as data (sections 3 and 7.3 of its reference).

import type { GrpcCase } from './case.ts'
import { INFERENCE, MULTI_INFERENCE } from './inference.ts'
import { PREDICT, PREDICT_REFUSED, TYPES } from './predict.ts'
import { METADATA, RELOAD_REFUSED, STATUS } from './service.ts'

/** Cases for a server with the models of `writeModels`. */
export const GRPC_CASES: Readonly<Record<string, readonly GrpcCase[]>> = {
  Predict: PREDICT,
  'Predict, each element type': TYPES,
  'Predict, refused': PREDICT_REFUSED,
  'Classify and Regress': INFERENCE,
  MultiInference: MULTI_INFERENCE,
  GetModelMetadata: METADATA,
  'HandleReloadConfigRequest, refused': RELOAD_REFUSED,
  GetModelStatus: STATUS,
}
