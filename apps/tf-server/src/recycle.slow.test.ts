import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publish } from './test-support/published.ts'
import { startReady } from './test-support/server.ts'

/** Five clients that never pause would leave no core to the servers that start. */
const PAUSE_MS = 2

/** One server for all tests, with as much memory as each says. */
let fleet: Awaited<ReturnType<typeof startReady>>
let availableBytes = Infinity

beforeAll(async () => {
  fleet = await startReady(() => ({ availableBytes: () => availableBytes }))
  const { server, store } = fleet
  await server.apply({ sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }, 2)
})

afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
})

describe('a recycle', () => {
  test('replaces the model server three times under load without a failed request', async () => {
    const { server } = fleet
    const load = startLoad(`${server.restUrl}/v1/models/acme.late:predict`)
    const pids = new Set([server.pid()])

    for (let recycles = 1; recycles <= 3; recycles++) {
      const answer = await server.recycle(3, recycles)
      expect(answer).toMatchObject({ status: 200, body: { recycles: recycles + 1, ready: true } })
      pids.add(server.pid())
    }
    const { answered, failed } = await load.stop()

    expect(failed).toEqual([])
    expect(answered).toBeGreaterThan(300)
    expect(pids.size).toBe(4)
    const { recycles } = await server.state()
    expect(await server.recycle(3, recycles - 1)).toMatchObject({ body: { recycles } })
  })

  test('goes in place where memory is short: requests wait, and none is refused', async () => {
    availableBytes = 1_000_000
    const { server } = fleet
    const before = server.pid()
    const { recycles } = await server.state()
    const load = startLoad(`${server.restUrl}/v1/models/acme.late:predict`)

    expect(await server.recycle(3, recycles)).toMatchObject({
      status: 200,
      body: { recycles: recycles + 1 },
    })

    const { answered, failed } = await load.stop()
    expect(failed).toEqual([])
    expect(answered).toBeGreaterThan(0)
    expect(server.pid()).not.toBe(before)
  })
})

/** Clients that keep their connections and clients that open one for each request. */
function startLoad(url: string) {
  const failed: string[] = []
  let answered = 0
  const stopping = new AbortController()
  async function ask(agent: Agent): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        expect(await predictOnce(url, agent)).toEqual({ predictions: [11] })
        answered++
        await pause(PAUSE_MS)
      } catch (error) {
        failed.push(String(error))
      }
    }
  }
  const keeping = new Agent({ keepAlive: true, maxSockets: 4 })
  const renewing = new Agent({ keepAlive: false })
  const clients = Promise.all([keeping, keeping, keeping, renewing, renewing].map(ask))
  return {
    async stop() {
      stopping.abort()
      await clients
      keeping.destroy()
      return { answered, failed }
    },
  }
}

async function predictOnce(url: string, agent: Agent): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.once('error', reject)
      response.once('end', () => resolve(JSON.parse(text)))
    })
    sent.once('error', reject)
    sent.end('{"instances": [1]}')
  })
}
