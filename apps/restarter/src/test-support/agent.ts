import {
  ApplyRequest,
  type ConfigRef,
  type Culprit,
  RecycleRequest,
  type ServerState,
} from '@drover/model-config'
import { ApiError, listen, makeApi, makeLog } from '@drover/service'

const log = makeLog('agent')
log.level = 'fatal'

const isReady = () => ({ ready: true })

function firstState(server: string): ServerState {
  return {
    format: 1,
    server,
    ready: true,
    fence: 0,
    models: 0,
    failed: [],
    drifting: [],
    startedAt: new Date().toISOString(),
    servingSince: new Date(Date.now() - 1_000).toISOString(),
    recycles: 1,
    canRecycle: true,
    stopping: false,
    residentBytes: 1,
    restUrl: 'http://127.0.0.1:1',
  }
}

/** What a test can make an agent do. */
export interface Knobs {
  /** Waits here before a config is applied. */
  applying: (config: ConfigRef) => Promise<void>
  /** What fails in a config. */
  failedIn: (config: ConfigRef) => Culprit[]
  /** Waits here before a recycling is over. */
  recycling: () => Promise<void>
}

/** A serving agent without models: the contract of `agent.ts` over real HTTP, and nothing behind it. */
export async function startAgent(server: string) {
  const applied: ConfigRef[] = []
  const state = firstState(server)
  const knobs: Knobs = {
    applying: async () => {},
    failedIn: () => [],
    recycling: async () => {},
  }
  let turn = 0

  function heed(fence: number): void {
    if (fence < state.fence) throw new ApiError(409, `fence ${state.fence} was seen`)
    state.fence = fence
  }

  async function apply({ sha, seq, fence }: ApplyRequest) {
    heed(fence)
    const config = { sha, seq }
    if (state.applying !== undefined || state.config?.seq !== seq || state.config.sha !== sha) {
      const mine = ++turn
      state.applying = config
      await knobs.applying(config)
      if (mine !== turn) throw new ApiError(409, 'a newer command came')
      applied.push(config)
      Object.assign(state, { config, failed: knobs.failedIn(config) })
      delete state.applying
    }
    return { sha, seq, applied: 0, failed: state.failed }
  }

  async function recycle({ fence, recycles }: RecycleRequest) {
    heed(fence)
    if (recycles < state.recycles) return
    state.ready = false
    await knobs.recycling()
    state.recycles += 1
    state.servingSince = new Date().toISOString()
    state.ready = true
  }

  const api = makeApi({ log, token: 'secret', isReady }, (routes) => {
    routes.get('/v1/state', (_request, response) => {
      response.json(state)
    })
    routes.post('/v1/apply', async (request, response) => {
      response.json(await apply(ApplyRequest.parse(request.body)))
    })
    routes.post('/v1/recycle', async (request, response) => {
      await recycle(RecycleRequest.parse(request.body))
      response.json(state)
    })
  })
  let listening = await listen(api, { host: '127.0.0.1', port: 0 })
  const { url, port } = listening

  return {
    url,
    state,
    applied,
    knobs,
    /** The agent is gone until `start`. */
    stop: async () => await listening[Symbol.asyncDispose](),
    start: async () => {
      listening = await listen(api, { host: '127.0.0.1', port })
    },
    [Symbol.asyncDispose]: async () => await listening[Symbol.asyncDispose](),
  }
}

export type Agent = Awaited<ReturnType<typeof startAgent>>
