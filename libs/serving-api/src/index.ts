export { type PredictFormat, writePredictAnswer } from './answer-json.ts'
export { errorBody, httpStatusOf, ServingError, StatusCode } from './errors.ts'
export {
  Agreement,
  compareAnswers,
  type Comparison,
  decodeTensor,
  decodeTensors,
  encodeTensor,
  encodeTensors,
  GOLDEN_PATH,
  GoldenAnswers,
  GoldenRequests,
  misfitOf,
  TOLERANCE,
} from './golden.ts'
export { type ModelChoice, parseRoute, type Route } from './paths.ts'
export {
  type InputInfos,
  parsePredictBody,
  type PredictBody,
  type PredictInputs,
} from './predict-json.ts'
export { RunAnswer, RunRequest } from './run.ts'
export {
  notKnown,
  notServed,
  type ServableState,
  type VersionStatus,
  writeMetadata,
  writeStatus,
} from './status-json.ts'
export {
  DATA_TYPES,
  DataType,
  floatTensor,
  type SignatureDef,
  sizeOf,
  stringTensor,
  type Tensor,
  type TensorInfo,
  type TensorOf,
  textsOf,
} from './tensor.ts'
