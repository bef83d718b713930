import type { ModelServerModel } from '@drover/model-config'
import {
  decodeModelConfig,
  ErrorCode,
  type ModelConfigMessage,
  ModelService,
  ModelTypeNumber,
  ModelVersionStatus_State,
  scanReloadRequest,
  ServingError,
  type StatusCode,
  type VersionStatus,
} from '@drover/serving-api'
import { Pace } from '../event-loop/pace.ts'
import type { Core } from '../serving/core.ts'
import { choiceOf, encode, pathOf, unaryOf } from './messages.ts'
import type { Method } from './server.ts'
import type { Unary } from './unary-call.ts'

/** Longest that reading a list of models holds the event loop at a stretch. */
const STRETCH_MS = 2

/**
 * What ModelService answers, by path. Unless `mayReload`, whoever asks to change what is served is
 * told PERMISSION_DENIED: that is for the admin socket.
 */
export function modelServiceMethods(core: Core, mayReload: boolean): [string, Method][] {
  const { getModelStatus, handleReloadConfigRequest } = ModelService.method
  const answerStatus = unaryOf(getModelStatus, ({ modelSpec }) =>
    observed(core, { name: modelSpec?.name, api: 'status' }, async () => {
      if (modelSpec === undefined) throw new ServingError('INVALID_ARGUMENT', 'Missing ModelSpec')
      // Upstream looks at no label here.
      const { name, version } = choiceOf(modelSpec)
      const choice = { name, ...(version !== undefined && { version }) }
      return { modelVersionStatus: (await core.control.status(choice)).map(statusOf) }
    }),
  )
  return [
    [pathOf(getModelStatus), { kind: 'unary', answer: answerStatus }],
    [pathOf(handleReloadConfigRequest), { kind: 'unary', answer: reloadOf(core, mayReload) }],
  ]
}

/** What answers a reload. */
function reloadOf(core: Core, mayReload: boolean): Unary {
  const { output } = ModelService.method.handleReloadConfigRequest
  return async (body, { deadlineMs }) =>
    await observed(core, { name: undefined, api: 'reload' }, async () => {
      if (!mayReload)
        throw new ServingError('PERMISSION_DENIED', 'Models are changed on the admin socket only')
      const { models, metricNames } = scanReloadRequest(body)
      if (models === undefined) throw notList()
      const config = { models: await readModels(models) }
      await core.control.reload(config, Math.max(0, deadlineMs - performance.now()))
      const metric = Array.from(new Set(metricNames), unchanged)
      return encode(output, { status: {}, metric })
    })
}

/** Others are answered in between: this thread serves predictions as well. */
async function readModels(models: readonly Uint8Array[]): Promise<ModelServerModel[]> {
  const pace = new Pace(STRETCH_MS)
  const read: ModelServerModel[] = []
  for (const bytes of models) {
    read.push(modelOf(decodeModelConfig(bytes)))
    if (pace.step()) await pace.rest()
  }
  return read
}

/** Upstream's counters are not kept here, and one that it does not know has not grown either. */
const unchanged = (name: string) => ({
  name,
  valueIncrease: { case: 'int64ValueIncrease' as const, value: 0n },
})

const notList = (): ServingError =>
  new ServingError(
    'INVALID_ARGUMENT',
    'ServerModelConfig type not supported by HandleReloadConfigRequest. ' +
      'Only ModelConfigList is currently supported',
  )

async function observed<T>(
  core: Core,
  seen: { name: string | undefined; api: string },
  answer: () => Promise<T>,
): Promise<T> {
  const startMs = performance.now()
  let code: StatusCode | 'OK' = 'OK'
  try {
    return await answer()
  } catch (error) {
    code = error instanceof ServingError ? error.code : 'INTERNAL'
    throw error
  } finally {
    core.observe({ ...seen, entrypoint: 'GRPC', code, latencyMs: performance.now() - startMs })
  }
}

const statusOf = ({ version, state, error }: VersionStatus) => ({
  version,
  state: ModelVersionStatus_State[state],
  status: {
    errorCode: error === undefined ? ErrorCode.OK : ErrorCode.UNKNOWN,
    errorMessage: error ?? '',
  },
})

function modelOf(message: ModelConfigMessage): ModelServerModel {
  const { name, basePath, modelPlatform, versionLabels, loggingConfig } = message
  return {
    name,
    basePath,
    modelPlatform,
    modelType: typeOf(message),
    versionPolicy: policyOf(message),
    versionLabels,
    ...(loggingConfig && { hasLogging: true }),
  }
}

function typeOf({ modelType }: ModelConfigMessage): ModelServerModel['modelType'] {
  if (modelType === ModelTypeNumber.MODEL_TYPE_UNSPECIFIED) return 'UNSPECIFIED'
  return modelType === ModelTypeNumber.TENSORFLOW ? 'TENSORFLOW' : 'OTHER'
}

function policyOf({ modelVersionPolicy }: ModelConfigMessage): ModelServerModel['versionPolicy'] {
  const choice = modelVersionPolicy?.policyChoice
  switch (choice?.case) {
    case 'all':
      return { kind: 'all' }
    case 'specific':
      return { kind: 'specific', versions: choice.value.versions }
    case 'latest':
      // 0 is also what says nothing, and means one.
      return { kind: 'latest', numVersions: choice.value.numVersions || 1 }
    case undefined:
      return { kind: 'latest', numVersions: 1 }
  }
}
