import { ModelStoreCode, ModelStoreError, type ModelStore } from '@drover/model-store'
import { ApiError, type Log, makeApi } from '@drover/service'
import type { Express } from 'express'
import { describeApi } from './api/openapi.ts'
import { addRoutes } from './api/route.ts'
import { makeRoutes } from './api/routes.ts'
import { checkModel } from './check.ts'
import type { Commands, Config } from './config.ts'
import { makePushes } from './push.ts'
import type { TrainerScheduler } from './trainer-scheduler.ts'
import { makeUploads } from './uploads.ts'

export interface SchedulerApiParts {
  store: ModelStore
  log: Log
  token: string | undefined
  scheduler: TrainerScheduler
  commands: Commands
  config: Pick<Config, 'DROVER_DATA_ROOT' | 'DROVER_UPLOAD_BYTES_MAX' | 'DROVER_VERSION_BYTES_MAX'>
  now?: () => number
}

/** The HTTP API of a trainer-scheduler. */
export function makeSchedulerApi(parts: SchedulerApiParts): Express {
  const { store, log, token, scheduler, commands, config, now = Date.now } = parts
  const { workRoot, dispatch, activeRuns } = scheduler
  const places = { store, now, workRoot }
  const checks = { store, commands, dataRoot: config.DROVER_DATA_ROOT }
  const routes = makeRoutes({
    registry: {
      store,
      now,
      checkModel: async (model, spec) => await checkModel(checks, model, spec),
    },
    views: { store, now, activeRuns, queuedAt: dispatch.queuedAt },
    takeUpload: makeUploads({ ...places, bytesMax: config.DROVER_UPLOAD_BYTES_MAX }),
    push: makePushes({ ...places, bytesMax: config.DROVER_VERSION_BYTES_MAX }),
    announce: async ({ tenant, before }) => await dispatch.announce(tenant, before),
    announceVersion: dispatch.announceVersion,
  })
  const description = describeApi(routes)
  return makeApi({ log, token, isReady, translate }, (api) => {
    api.get('/openapi.json', (_request, response) => void response.json(description))
    addRoutes(api, routes)
  })
}

const isReady = () => ({ ready: true })

/** What a fault of the store means to a caller: try again, or have the named object mended. */
function translate(error: unknown): ApiError | undefined {
  if (!(error instanceof ModelStoreError)) return undefined
  return error.code === ModelStoreCode.UNAVAILABLE
    ? new ApiError(503, 'the model store is away: try again', { cause: error })
    : // The key names the culprit, and is no secret.
      new ApiError(500, `the model store: ${error.message}`, { cause: error })
}
