// The generated descriptions of what is offered over gRPC, for those who serve it and those who call it.

export { Health } from '../generated/grpc/health/v1/health_pb.ts'
export {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from '../generated/grpc/health/v1/health_pb.ts'
export {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../generated/grpc/reflection/v1/reflection_pb.ts'
export { ServerReflection as ServerReflectionAlpha } from '../generated/grpc/reflection/v1alpha/reflection_pb.ts'
export { TensorProtoSchema } from '../generated/tensorflow/core/framework/tensor_pb.ts'
export { DataType as DataTypeNumber } from '../generated/tensorflow/core/framework/types_pb.ts'
export { Code as ErrorCode } from '../generated/tensorflow/core/protobuf/error_codes_pb.ts'
export { SignatureDefMapSchema } from '../generated/tensorflow_serving/apis/get_model_metadata_pb.ts'
export { ModelVersionStatus_State } from '../generated/tensorflow_serving/apis/get_model_status_pb.ts'
export { ModelService } from '../generated/tensorflow_serving/apis/model_service_pb.ts'
export { PredictionService } from '../generated/tensorflow_serving/apis/prediction_service_pb.ts'
export {
  type ModelConfig as ModelConfigMessage,
  ModelConfigSchema,
  ModelType as ModelTypeNumber,
  type ModelServerConfig as ModelServerConfigMessage,
} from '../generated/tensorflow_serving/config/model_server_config_pb.ts'
