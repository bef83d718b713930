import {
  type ApplyAnswer,
  ApplyRequest,
  RecycleRequest,
  type ServerState,
} from '@drover/model-config'
import { ApiError, type Log, makeApi, traceOf } from '@drover/service'
import type { Express } from 'express'
import { AgentError } from './errors.ts'

/** What the routes of an agent call. */
export interface Agent {
  state(): Promise<ServerState>
  apply(request: ApplyRequest, traceparent: string): Promise<ApplyAnswer>
  recycle(request: RecycleRequest, traceparent: string): Promise<ServerState>
  /** Its own metrics and the model server's, in Prometheus' text format. */
  metrics(): Promise<string>
}

export interface AgentApiOptions {
  log: Log
  token: string | undefined
  /** Opens the metrics and nothing else; none unless told. */
  metricsToken?: string | undefined
  agent: Agent
  isReady: () => { ready: boolean; why?: string }
}

/** The agent's HTTP API: `GET /v1/state` and `/metrics`, `POST /v1/apply` and `/v1/recycle`. */
export function makeAgentApi({ agent, ...options }: AgentApiOptions): Express {
  return makeApi({ ...options, translate }, (api) => {
    api.get('/v1/state', async (_request, response) => {
      response.json(await agent.state())
    })
    api.get('/metrics', async (_request, response) => {
      response.type('text/plain').send(await agent.metrics())
    })
    api.post('/v1/apply', async (request, response) => {
      const config = ApplyRequest.parse(request.body)
      response.json(await agent.apply(config, traceOf(request)))
    })
    api.post('/v1/recycle', async (request, response) => {
      const wish = RecycleRequest.parse(request.body)
      response.json(await agent.recycle(wish, traceOf(request)))
    })
  })
}

/** 409: a newer command has been seen, so this one must not be tried again. 503: it may be. */
function translate(error: unknown): ApiError | undefined {
  if (!(error instanceof AgentError)) return undefined
  const options = { cause: error }
  switch (error.code) {
    case 'REFUSED':
      return new ApiError(409, error.message, options)
    case 'BUSY':
    case 'IMPAIRED':
    case 'SERVER_ENDED':
    case 'DEADLINE':
    case 'STOPPED':
      return new ApiError(503, error.message, options)
    // A fault of a version is an answer and never an error of the API.
    case 'FAULT':
      return undefined
  }
}
