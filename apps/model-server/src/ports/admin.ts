import type { RequestListener } from 'node:http'
import { ServedDelta } from '@drover/model-config'
import { ApiError, type Log, makeApi } from '@drover/service'
import {
  decodeTensors,
  encodeTensors,
  httpStatusOf,
  misfitOf,
  RunRequest,
  ServingError,
  type Tensor,
} from '@drover/serving-api'
import type { Limits } from '../limits.ts'
import { wantedOf } from '../served/discover.ts'
import type { Models } from '../served/models.ts'

export interface AdminOptions {
  models: Models
  log: Log
  limits: Limits
  /** Makes the data port listen; nothing happens where it does already. */
  accept: () => Promise<unknown>
  /** Begins to end this process. */
  drain: () => void
}

/** The routes of the admin socket: what changes or reveals what is served. */
export function makeAdmin({ models, log, limits, accept, drain }: AdminOptions): RequestListener {
  return makeApi(
    {
      log,
      token: undefined,
      isPrivate: true,
      isReady: () => ({ ready: true }),
      bodyBytesMax: limits.deltaBytesMax,
      translate: (error) =>
        error instanceof ServingError
          ? new ApiError(httpStatusOf(error.code), error.message, { cause: error })
          : undefined,
    },
    (api) => {
      api.get('/v1/models', (_request, response) => {
        response.json(models.list())
      })
      api.post('/v1/models', async (request, response) => {
        const { upserts, removes } = ServedDelta.parse(request.body)
        const gone = removes.map((name) => ({ name, versions: [], labels: {} }))
        const named = upserts.map(wantedOf)
        const kept = new Set(named.map(({ name }) => name))
        await models.want([...gone.filter(({ name }) => !kept.has(name)), ...named])
        response.json(models.list([...removes.filter((name) => !kept.has(name)), ...kept]))
      })
      api.post('/v1/run', async (request, response) => {
        const outputs = await run(models, RunRequest.parse(request.body))
        response.json({ outputs: encodeTensors(outputs) })
      })
      api.post('/v1/accept', async (_request, response) => {
        await accept()
        response.json({ accepting: true })
      })
      api.post('/v1/drain', (_request, response) => {
        response.once('finish', drain)
        response.json({ draining: true })
      })
    },
  )
}

async function run(
  models: Models,
  { name, version, signature, inputs }: RunRequest,
): Promise<Record<string, Tensor>> {
  const found = models.find({ name, version: BigInt(version) })
  const tensors = decode(inputs)
  const misfit = misfitOf(found.servable.signatures, signature, tensors)
  if (misfit !== undefined) throw new ServingError('INVALID_ARGUMENT', misfit)
  return await models.run(found, signature, tensors)
}

function decode(inputs: RunRequest['inputs']): Record<string, Tensor> {
  try {
    return decodeTensors(inputs)
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : 'no tensor'
    throw new ServingError('INVALID_ARGUMENT', `the inputs cannot be read: ${what}`, { cause })
  }
}
