import { openQueue } from '@drover/jobs'
import { listen, makeLog } from '@drover/service'
import { makePublisherApi } from './api.ts'
import { makeConfigPublisher, type PublisherParts } from './config-publisher.ts'
import { tenantOf } from './facts.fixture.ts'
import { startWorld, type World } from './world.fixture.ts'

// A whole publisher in this process, on a Redis and a probe of the test's.

const log = makeLog('test')
log.level = 'silent'

/** A publisher that runs, and its API. */
export async function startPublisher(
  world: World,
  more: Partial<PublisherParts> & Pick<PublisherParts, 'place' | 'probe'>,
) {
  const { store, workDirectory } = world
  const publisher = makeConfigPublisher({
    store,
    workDirectory,
    log,
    fleet: 'main',
    probeMs: 20_000,
    scanMs: 600_000,
    fullScanMs: 600_000,
    ...more,
  })
  const stop = new AbortController()
  const done = publisher.run(stop.signal)
  const api = makePublisherApi(publisher, undefined)
  const { url, ...listening } = await listen(api, { host: '127.0.0.1', port: 0 })
  const queue = openQueue({ name: 'publish' }, more.place)
  return {
    publisher,
    queue,
    async call(method: string, path: string, body?: object) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json')
      const answer: unknown = isJson ? JSON.parse(text) : text
      return { status: response.status, answer }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await done
      await queue[Symbol.asyncDispose]()
      await listening[Symbol.asyncDispose]()
    },
  }
}

export const late = (tenant: string) => ({ tenant, model: 'late' })

/** Two versions of a model that passed. */
export async function startRolled(): Promise<World> {
  const world = await startWorld()
  await world.putTenant(tenantOf('acme'))
  await world.addJudged(late('acme'), 1)
  await world.addJudged(late('acme'), 2)
  return world
}

/** Makes the candidate live, as the restarter does. */
export const goLive = async (world: World): Promise<void> =>
  await world.moveChannel(({ candidate }) =>
    candidate === undefined ? {} : { live: { ...candidate, at: new Date().toISOString() } },
  )
