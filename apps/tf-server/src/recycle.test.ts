import { Agent, request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { publish } from './test-support/published.ts'
import { startReady } from './test-support/server.ts'

describe('a recycle', () => {
  test('replaces the model server five times under load without a failed request', async () => {
    await using fleet = await startReady()
    const { server, store } = fleet
    const ref = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    await server.apply(ref, 2)
    const load = startLoad(`${server.restUrl}/v1/models/acme.late:predict`)
    const pids = new Set([server.pid()])

    for (let recycles = 1; recycles <= 5; recycles++) {
      const answer = await server.recycle(3, recycles)
      expect(answer).toMatchObject({ status: 200, body: { recycles: recycles + 1, ready: true } })
      pids.add(server.pid())
    }
    const { answered, failed } = await load.stop()

    expect(failed).toEqual([])
    expect(answered).toBeGreaterThan(500)
    expect(pids.size).toBe(6)
    const { recycles } = await server.state()
    expect(await server.recycle(3, recycles - 1)).toMatchObject({ body: { recycles } })
  })

  test('goes in place where memory is short: requests wait, and none is refused', async () => {
    await using fleet = await startReady(() => ({ availableBytes: () => 1_000_000 }))
    const { server, store } = fleet
    const ref = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    await server.apply(ref, 2)
    const before = server.pid()
    const load = startLoad(`${server.restUrl}/v1/models/acme.late:predict`)

    expect(await server.recycle(3, 1)).toMatchObject({ status: 200, body: { recycles: 2 } })

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
