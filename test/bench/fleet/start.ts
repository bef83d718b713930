// How long a server with thousands of models takes to start, to be replaced, and to be found wedged.

import { join } from 'node:path'
import type { BenchRow } from '../main.ts'
import { makeFolder } from '../model-server/folder.ts'
import { type BenchAgent, startAgent } from './agent.ts'
import { writeSampleStore } from './sample-store.ts'

const MODELS = { full: 2_000, quick: 20 }
const LOOK_MS = 20
const MS_PER_S = 1_000
const WEDGE_MS_MAX = 120_000

/** From the store, from the cache, a recycle under load, and a model server that hangs. */
export async function* benchStart(isQuick: boolean): AsyncGenerator<BenchRow> {
  const count = isQuick ? MODELS.quick : MODELS.full
  await using folder = await makeFolder()
  const [store, cache] = [join(folder.path, 'store'), join(folder.path, 'cache')]
  const [name = ''] = await writeSampleStore(store, count)
  const row = (what: string, ms: number, goal: number, notes = {}): BenchRow => ({
    name: `${what}, ${count} models`,
    unit: 's',
    value: ms / MS_PER_S,
    goal,
    notes,
  })
  {
    await using cold = await startAgent(store, cache)
    yield row('start to ready from the store', cold.readyMs, 30)
  }
  await using agent = await startAgent(store, cache)
  yield row('start to ready from the disk cache', agent.readyMs, 15)
  const { ms, asked, failed } = await recycleUnderLoad(agent, name)
  yield row('recycle', ms, 10, { 'requests meanwhile': asked, failed })
  yield row('a model server that hangs: until it is noticed', await hang(agent), 10)
}

async function recycleUnderLoad({ restUrl, recycle, state }: BenchAgent, name: string) {
  const url = `${restUrl}/v1/models/${name}`
  const ending = new AbortController()
  let asked = 0
  let failed = 0
  const load = (async (): Promise<void> => {
    while (!ending.signal.aborted) {
      asked++
      const isAnswered = await fetch(url).then(
        (answer) => answer.ok,
        () => false,
      )
      if (!isAnswered) failed++
    }
  })()
  const { recycles } = await state()
  const startedAt = performance.now()
  await recycle(recycles)
  const ms = performance.now() - startedAt
  ending.abort()
  await load
  return { ms, asked, failed }
}

/** How long after it was stopped the agent ends a model server. */
async function hang({ state, modelServerPid }: BenchAgent): Promise<number> {
  const pid = modelServerPid()
  const startedAt = performance.now()
  process.kill(pid, 'SIGSTOP')
  while ((await state()).ready) {
    if (performance.now() - startedAt > WEDGE_MS_MAX) throw new Error('nobody notices')
    await new Promise((done) => setTimeout(done, LOOK_MS))
  }
  return performance.now() - startedAt
}
