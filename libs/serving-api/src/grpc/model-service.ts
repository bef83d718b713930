// ModelService: seldom asked, so by the generated codec.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { invalid } from '../errors.ts'
import { Code } from '../generated/tensorflow/core/protobuf/error_codes_pb.ts'
import {
  GetModelStatusResponseSchema,
  ModelVersionStatus_State,
} from '../generated/tensorflow_serving/apis/get_model_status_pb.ts'
import {
  ReloadConfigRequestSchema,
  ReloadConfigResponseSchema,
} from '../generated/tensorflow_serving/apis/model_management_pb.ts'
import type { FileSystemStoragePathSourceConfig_ServableVersionPolicy as Policy } from '../generated/tensorflow_serving/config/file_system_storage_path_source_pb.ts'
import {
  type ModelConfig,
  ModelType,
} from '../generated/tensorflow_serving/config/model_server_config_pb.ts'
import { byVersion, type VersionStatus } from '../status-json.ts'
import { malformed } from '../wire/reader.ts'
import { decodeMetadataRequest } from './metadata.ts'
import type { ModelSpec } from './model-spec.ts'

/** Reads a GetModelStatusRequest: undefined if it has no spec. Throws `ServingError` for bytes that are none. */
export const decodeStatusRequest = (message: Uint8Array): ModelSpec | undefined =>
  decodeMetadataRequest(message).spec

/** A GetModelStatusResponse, highest version first. */
export function encodeStatusResponse(statuses: readonly VersionStatus[]): Uint8Array {
  const modelVersionStatus = statuses
    .toSorted(byVersion)
    .map(({ version, state, error, errorCode = 'UNKNOWN' }) => ({
      version,
      state: ModelVersionStatus_State[state],
      status: {
        errorCode: error === undefined ? Code.OK : Code[errorCode],
        errorMessage: error ?? '',
      },
    }))
  return toBinary(
    GetModelStatusResponseSchema,
    create(GetModelStatusResponseSchema, { modelVersionStatus }),
  )
}

/** Which versions of a model are wanted. */
export type ReloadPolicy =
  | { kind: 'latest'; numVersions: number }
  | { kind: 'all' }
  | { kind: 'specific'; versions: bigint[] }

/** A model of a ReloadConfigRequest, as it was sent: nothing is checked. */
export interface ReloadModel {
  name: string
  basePath: string
  modelPlatform: string
  /** The deprecated way to name the platform. */
  modelType: 'TENSORFLOW' | 'OTHER' | undefined
  /** Undefined where none was sent. */
  versionPolicy: ReloadPolicy | undefined
  versionLabels: Record<string, bigint>
}

/** A ReloadConfigRequest. */
export interface ReloadRequest {
  models: ReloadModel[]
  /** Counters whose increase the answer is to tell. */
  metricNames: string[]
}

/**
 * Reads a ReloadConfigRequest. Throws INVALID_ARGUMENT where it holds no list of models, and
 * `ServingError` for bytes that are no such request.
 */
export function decodeReloadRequest(message: Uint8Array): ReloadRequest {
  const { config, metricNames } = parse(ReloadConfigRequestSchema, message)
  if (config?.config.case !== 'modelConfigList')
    throw invalid(
      'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is ' +
        'currently supported',
    )
  return { models: config.config.value.config.map(modelOf), metricNames }
}

const modelOf = (config: ModelConfig): ReloadModel => ({
  name: config.name,
  basePath: config.basePath,
  modelPlatform: config.modelPlatform,
  modelType: typeOf(config),
  versionPolicy: config.modelVersionPolicy && policyOf(config.modelVersionPolicy),
  versionLabels: config.versionLabels,
})

function typeOf({ modelType }: ModelConfig): ReloadModel['modelType'] {
  if (modelType === ModelType.MODEL_TYPE_UNSPECIFIED) return undefined
  return modelType === ModelType.TENSORFLOW ? 'TENSORFLOW' : 'OTHER'
}

function policyOf({ policyChoice }: Policy): ReloadPolicy | undefined {
  switch (policyChoice.case) {
    case 'latest':
      return { kind: 'latest', numVersions: policyChoice.value.numVersions }
    case 'all':
      return { kind: 'all' }
    case 'specific':
      return { kind: 'specific', versions: policyChoice.value.versions }
    case undefined:
      return undefined
  }
}

/** A ReloadConfigResponse of a reload that went well; others are errors of the call. */
export function encodeReloadResponse(increases: Readonly<Record<string, bigint>> = {}): Uint8Array {
  const metric = Object.entries(increases).map(([name, value]) => ({
    name,
    valueIncrease: { case: 'int64ValueIncrease' as const, value },
  }))
  return toBinary(
    ReloadConfigResponseSchema,
    create(ReloadConfigResponseSchema, { status: { errorCode: Code.OK }, metric }),
  )
}

function parse<Desc extends DescMessage>(schema: Desc, message: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, message)
  } catch (cause) {
    throw malformed(`no ${schema.typeName}`, cause)
  }
}
