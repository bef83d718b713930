export { predictAnswerSteps, type PredictFormat, writePredictAnswer } from './answer-json.ts'
export { crc32c, maskedCrc32c } from './crc32c.ts'
export {
  bytesOfType,
  DATA_TYPES,
  DataType,
  isDataType,
  isNumericType,
  isTypeName,
  numberOfType,
  type NumericType,
  partsOf,
  type TypeName,
  typeOfNumber,
  typeText,
} from './element-types.ts'
export { encodeExample, type Feature } from './examples/example-bytes.ts'
export {
  examplesBodySteps,
  type ExamplesRequest,
  parseExamplesBody,
} from './examples/examples-body.ts'
export {
  errorBody,
  grpcCodeOf,
  grpcMessage,
  httpStatusOf,
  ServingError,
  StatusCode,
} from './errors.ts'
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
  TOLERANCE,
} from './golden.ts'
export { numberOfBfloat16, numberOfHalf } from './half.ts'
export { misfitOf, misfitOfShapes, withDefaults } from './misfit.ts'
export {
  decodeInferenceRequest,
  decodeMultiInferenceRequest,
  type InferenceRequest,
  type MultiInferenceRequest,
} from './grpc/inference-request.ts'
export {
  encodeClassificationResponse,
  encodeMultiInferenceResponse,
  encodeRegressionResponse,
} from './grpc/inference-response.ts'
export {
  type AnsweredSpec,
  DEFAULT_SIGNATURE,
  type ModelSpec,
  signatureNameOf,
} from './grpc/model-spec.ts'
export { decodeModelConfig, type ReloadRequest, scanReloadRequest } from './grpc/reload-request.ts'
export {
  findPredictSignature,
  fitPredict,
  type FitOptions,
  MethodName,
  type PredictCall,
} from './grpc/predict-fit.ts'
export { decodePredictRequest, type PredictRequest } from './grpc/predict-request.ts'
export { encodePredictResponse, predictResponseSteps } from './grpc/predict-response.ts'
export * from './grpc/services.ts'
export {
  classify,
  type ExamplesInput,
  type InferenceResult,
  type InferenceTask,
  type Inferring,
  multiInfer,
  regress,
  type RunSignature,
  specOfTasks,
} from './inference/infer.ts'
export type { Classifications } from './inference/results.ts'
export { writeClassifyAnswer, writeRegressAnswer } from './inference/results-json.ts'
export { type ModelChoice, parseRoute, type Route } from './paths.ts'
export type { InputInfos } from './predict-rows.ts'
export {
  parsePredictBody,
  type PredictBody,
  predictBodySteps,
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
  bytesOf,
  floatTensor,
  type NumericTensor,
  RANK_MAX,
  type SignatureDef,
  sizeOf,
  stringTensor,
  type Tensor,
  type TensorInfo,
  type TensorOf,
  tensorOfBuffer,
  tensorOfBytes,
  textsOf,
} from './tensor.ts'
export {
  decodePredictionLog,
  WARM_UP_PATH,
  WARM_UP_RECORDS_MAX,
  type WarmUpRequest,
} from './warm-up/prediction-log.ts'
export { readTfRecords, writeTfRecords } from './warm-up/tf-records.ts'
export { type WarmUpQuestion, writeWarmUp } from './warm-up/write-warm-up.ts'
export { ManyStrings, RequestBudget } from './wire/budget.ts'
export { malformed, WireReader } from './wire/reader.ts'
export { decodeTensorProto } from './wire/tensor-decode.ts'
export { encodeTensorProto } from './wire/tensor-encode.ts'
