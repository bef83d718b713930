import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerState } from '@drover/model-config'
import { z } from 'zod'
import { ALL_CORES, startPinned } from '../model-server/processes.ts'

const MAIN = join(import.meta.dirname, '../../../../apps/tf-server/dist/main.js')
const LOOK_MS = 20
const READY_MS_MAX = 600_000

const Started = z.looseObject({ url: z.string(), restUrl: z.string() })

/** A serving agent under measurement, with its model server. */
export interface BenchAgent extends AsyncDisposable {
  restUrl: string
  /** From its start until it was ready, in milliseconds. */
  readyMs: number
  state: () => Promise<ServerState>
  recycle: (recycles: number) => Promise<void>
  modelServerPid: () => number
}

/** Starts an agent as its own process on a store and a cache; resolves when it is ready. */
export async function startAgent(store: string, cache: string): Promise<BenchAgent> {
  const startedAt = performance.now()
  const env = { DROVER_STORE: store, DROVER_CACHE: cache, DROVER_LOG_LEVEL: 'info' }
  const command = [process.execPath, '--enable-source-maps', MAIN]
  const agent = startPinned({ cores: ALL_CORES, command, messages: ['started'], env })
  try {
    const { url, restUrl } = Started.parse(await agent.said('started'))
    const state = async () => ServerState.parse(await (await fetch(`${url}/v1/state`)).json())
    await untilReady(url)
    const readyMs = performance.now() - startedAt
    const recycle = async (recycles: number): Promise<void> => {
      const answer = await fetch(`${url}/v1/recycle`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ fence: 1, recycles }),
      })
      if (!answer.ok) throw new Error(`recycle: ${answer.status} ${await answer.text()}`)
    }
    return {
      restUrl,
      readyMs,
      state,
      recycle,
      modelServerPid: () => modelServerOf(agent.pid),
      [Symbol.asyncDispose]: agent[Symbol.asyncDispose],
    }
  } catch (error) {
    await agent[Symbol.asyncDispose]()
    throw error
  }
}

/** The child of an agent that answers predictions. */
function modelServerOf(agent: number): number {
  const children = readFileSync(`/proc/${agent}/task/${agent}/children`, 'utf8').trim().split(' ')
  const found = children.find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('model-server'),
  )
  if (found === undefined) throw new Error('the agent has no model server')
  return Number(found)
}

async function untilReady(url: string): Promise<void> {
  const untilMs = performance.now() + READY_MS_MAX
  while (!(await fetch(`${url}/readyz`)).ok) {
    if (performance.now() > untilMs) throw new Error(`${url} does not become ready`)
    await new Promise((done) => setTimeout(done, LOOK_MS))
  }
}
