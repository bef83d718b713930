import { Instant } from '@drover/model-config'
import { ModelStoreError } from '@drover/model-store'
import { ApiError, type Log, makeApi, traceOf } from '@drover/service'
import type { Express } from 'express'
import { z } from 'zod'
import type { Restarter } from './restarter.ts'

const WHY_CHARACTERS_MAX = 1_024
const Why = z.string().min(1).max(WHY_CHARACTERS_MAX)
const Restart = z.strictObject({ why: Why })
const Undo = z.strictObject({ seq: z.int().nonnegative().optional(), why: Why })
const Freeze = z.strictObject({
  until: Instant.refine((until) => Date.parse(until) > Date.now(), 'a moment in the future'),
  why: Why,
})

/** The HTTP routes: what is seen and decided, and what people may wish for. */
export function makeRestarterApi(
  restarter: Restarter,
  { log, token }: { log: Log; token: string | undefined },
): Express {
  const { isReady } = restarter
  return makeApi({ log, token, isReady, translate }, (api) => {
    api.get('/v1/status', (_request, response) => {
      response.json(restarter.status())
    })
    api.post('/v1/restart', async (request, response) => {
      const { why } = Restart.parse(request.body)
      const restart = await restarter.wishes.restart(why, restarter.states())
      restarter.nudge()
      response.status(202).json(restart)
    })
    api.post('/v1/undo', async (request, response) => {
      const { seq, why } = Undo.parse(request.body)
      const undo = await restarter.wishes.undo(seq, why)
      restarter.nudge(traceOf(request))
      response.status(202).json(undo)
    })
    api.delete('/v1/undo', async (_request, response) => {
      await restarter.wishes.withdraw()
      response.json({ undo: null })
    })
    api.post('/v1/freeze', async (request, response) => {
      const { until, why } = Freeze.parse(request.body)
      response.json(await restarter.wishes.freeze(until, why))
    })
    api.delete('/v1/freeze', async (_request, response) => {
      await restarter.wishes.unfreeze()
      restarter.nudge()
      response.json({ frozen: false })
    })
  })
}

function translate(error: unknown): ApiError | undefined {
  if (!(error instanceof ModelStoreError)) return undefined
  return new ApiError(503, 'the store cannot be had now; try again', { cause: error })
}
