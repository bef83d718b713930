import type { RequestListener, ServerResponse } from 'node:http'
import { once } from 'node:events'
import { ServedDelta } from '@drover/model-config'
import { ApiError, type Log, makeApi } from '@drover/service'
import {
  decodeTensors,
  encodeTensors,
  httpStatusOf,
  RunRequest,
  ServingError,
  type Tensor,
} from '@drover/serving-api'
import { z } from 'zod'
import type { SingleRun } from '../serving/messages.ts'
import { agentDeltaOf, ApplyDelta, deltaOf } from './delta.ts'
import type { ControlLimits } from './limits.ts'
import { ListQuery, pageOf, servedVersionsOf } from './list.ts'
import type { Models } from './models.ts'
import { outcomeOf } from './outcome.ts'
import { Pace } from '../event-loop/pace.ts'
import type { Reload } from './reload.ts'

export interface AdminOptions {
  models: Models
  reload: Reload
  /** Answers a single request to a certain version. */
  run: (request: SingleRun) => Promise<Record<string, Tensor>>
  log: Log
  limits: ControlLimits
  /** Throws when a thread that listens does not answer. */
  pulse: () => Promise<void>
  /** The metrics page. */
  prometheus: () => Promise<Uint8Array>
  /** Makes the ports listen; nothing happens where they do already. */
  accept: () => Promise<unknown>
  /** Begins to end this process, as the flags say unless told otherwise. */
  drain: (how: DrainRequest) => void
}

/** The routes of the admin socket: what changes or reveals what is served. */
export function makeAdmin(options: AdminOptions): RequestListener {
  const { models, reload, log, limits, pulse, prometheus, accept, drain } = options
  const listQuery = ListQuery(limits)
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
      api.get('/v1/models', async (_request, response) => {
        await sendVersions(response, models, models.names(), limits)
      })
      api.post('/v1/models', async (request, response) => {
        const delta = agentDeltaOf(ServedDelta.parse(request.body))
        const names = await reload.apply(delta)
        await models.settled(names, settleMsMax(limits))
        await sendVersions(response, models, names, limits)
      })
      api.get('/drover/v1/models', async (request, response) => {
        const page = await pageOf(models, listQuery.parse(request.query), limits)
        response.json({ base: reload.base, ...page })
      })
      api.post('/drover/v1/apply', async (request, response) => {
        const { base, waitMs, ...delta } = ApplyDelta.parse(request.body)
        const names = await reload.apply(deltaOf({ waitMs, ...delta }), base)
        if (waitMs !== undefined)
          await models.settled(names, Math.min(waitMs, limits.reloadWaitMsMax))
        const failed = waitMs === undefined ? undefined : outcomeOf(names, models, names.length)
        response.json({ base: reload.base, ...(failed && { failed: failed.message }) })
      })
      api.get('/drover/v1/metrics', async (_request, response) => {
        response.type('text/plain').send(Buffer.from(await prometheus()))
      })
      api.post('/v1/run', async (request, response) => {
        const { inputs, version, ...asked } = RunRequest.parse(request.body)
        const outputs = await options.run({
          ...asked,
          version: BigInt(version),
          inputs: decode(inputs),
          msMax: limits.runMsMax,
        })
        response.json({ outputs: encodeTensors(outputs) })
      })
      api.get('/v1/pulse', async (_request, response) => {
        await pulse()
        response.json({ alive: true })
      })
      api.post('/v1/accept', async (_request, response) => {
        await accept()
        response.json({ accepting: true })
      })
      api.post('/v1/drain', (request, response) => {
        const how = DrainRequest.parse(request.body ?? {})
        response.once('finish', () => drain(how))
        response.json({ draining: true })
      })
    },
  )
}

/** Nobody waits longer for a server to end. */
const DRAIN_MS_MAX = 3_600_000
const DrainRequest = z.strictObject({
  msMax: z.int().min(0).max(DRAIN_MS_MAX).optional(),
  staysOpen: z.boolean().optional(),
})
type DrainRequest = z.output<typeof DrainRequest>

/** A load that hangs has failed by then; its model is told as it is. */
const settleMsMax = ({ loadMsMax, closeMsMax }: ControlLimits): number => loadMsMax + closeMsMax

/** Writes a list of any length without ever holding all of it as text. */
async function sendVersions(
  response: ServerResponse,
  models: Models,
  names: Iterable<string>,
  { stretchMs }: ControlLimits,
): Promise<void> {
  const pace = new Pace(stretchMs)
  response.setHeader('content-type', 'application/json; charset=utf-8')
  let text = '{"versions":['
  let isFirst = true
  for (const name of names) {
    const model = models.get(name)
    for (const version of model === undefined ? [] : servedVersionsOf(model)) {
      text += `${isFirst ? '' : ','}${JSON.stringify(version)}`
      isFirst = false
    }
    if (!pace.step()) continue
    if (!response.write(text))
      await Promise.race([once(response, 'drain'), once(response, 'close')])
    text = ''
    if (response.destroyed) return
    await pace.rest()
  }
  response.end(`${text}]}`)
}

function decode(inputs: RunRequest['inputs']): Record<string, Tensor> {
  try {
    return decodeTensors(inputs)
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : 'no tensor'
    throw new ServingError('INVALID_ARGUMENT', `the inputs cannot be read: ${what}`, { cause })
  }
}
