// HandleReloadConfigRequest: its list of models may be long, so it is read a model at a time.

import { fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { ModelConfigSchema } from '../generated/tensorflow_serving/config/model_server_config_pb.ts'
import { malformed, WireReader, WireType } from '../wire/reader.ts'

/** By their numbers in the .proto files. */
const REQUEST = { CONFIG: 1, METRIC_NAMES: 2 }
const SERVER_CONFIG = { MODEL_CONFIG_LIST: 1, CUSTOM: 2 }
const LIST = { CONFIG: 1 }

/** A ReloadConfigRequest whose models have not been read. */
export interface ReloadRequest {
  /** Undefined where the config is no list of models. */
  models: Uint8Array[] | undefined
  /** Counters whose increase the answer is to tell. */
  metricNames: string[]
}

/** Finds what is in a ReloadConfigRequest. Throws `ServingError` for bytes that are none. */
export function scanReloadRequest(message: Uint8Array): ReloadRequest {
  const request: ReloadRequest = { models: undefined, metricNames: [] }
  const reader = new WireReader(message)
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (reader.field === REQUEST.CONFIG) scanConfig(reader.readBytes(), request)
    else if (reader.field === REQUEST.METRIC_NAMES) request.metricNames.push(reader.readText())
    else reader.skip()
  }
  return request
}

/** Of lists that come in pieces all models count; of a list and another config, the last. */
function scanConfig(config: Uint8Array, request: ReloadRequest): void {
  const reader = new WireReader(config)
  while (reader.next()) {
    const isBytes = reader.type === WireType.BYTES
    if (isBytes && reader.field === SERVER_CONFIG.MODEL_CONFIG_LIST)
      scanList(reader.readBytes(), (request.models ??= []))
    else {
      if (isBytes && reader.field === SERVER_CONFIG.CUSTOM) request.models = undefined
      reader.skip()
    }
  }
}

function scanList(list: Uint8Array, models: Uint8Array[]): void {
  const reader = new WireReader(list)
  while (reader.next())
    if (reader.type === WireType.BYTES && reader.field === LIST.CONFIG)
      models.push(reader.readBytes())
    else reader.skip()
}

/** Reads one model of the list. Throws `ServingError` for bytes that are none. */
export function decodeModelConfig(bytes: Uint8Array): MessageShape<typeof ModelConfigSchema> {
  try {
    return fromBinary(ModelConfigSchema, bytes)
  } catch (cause) {
    throw malformed(`no ${ModelConfigSchema.typeName}`, cause)
  }
}
