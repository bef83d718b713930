import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import { Client, connectivityState, credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { publish, setChannel } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

/** One server, which the last test stops. */
let fleet: Awaited<ReturnType<typeof startReady>>

beforeAll(async () => {
  fleet = await startReady(() => ({
    pollMs: 60_000,
    stopWaitMs: 2_000,
    stopDrainMs: 20_000,
    grpcPort: 0,
  }))
  const { server, store } = fleet
  await server.apply({ sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }, 2)
})

afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
})

/** Asks once: the answer, and whether its connection ends with it. */
async function ask(agent: Agent, url: string): Promise<[answer: string, connection: string]> {
  const sent = request(`${url}/v1/models/acme.late:predict`, { method: 'POST', agent })
  sent.end('{"instances": [1]}')
  const [response] = await once(sent, 'response')
  return [await text(response), response.headers.connection ?? 'kept']
}

const RIGHT = '{\n    "predictions": [11.0\n    ]\n}'
const NEXT = RIGHT.replace('11.0', '21.0')

test("the metrics are the agent's and the model server's", async () => {
  const page = await (await fetch(`${fleet.server.url}/metrics`)).text()

  expect(page.split('\n')).toEqual(
    expect.arrayContaining([
      'drover_tf_server_ready 1',
      'drover_tf_server_config_seq 3',
      'drover_tf_server_models 1',
      'drover_tf_server_model_server_starts_total 1',
      'drover_model_server_models 1',
    ]),
  )
})

test('a server that stops goes on as before for its wait; then clients are told to go, and late ones are answered', async () => {
  const { server, store } = fleet
  const next = await publish(store, { 'acme.late': [2, 20] })
  const kept = new Agent({ keepAlive: true, maxSockets: 1 })
  const channel = new Client(server.grpcAddress ?? '', credentials.createInsecure())
  await new Promise((resolve) => channel.waitForReady(Date.now() + UNTIL.timeout, resolve))
  const [first] = await ask(kept, server.restUrl)

  const stopped = server[Symbol.asyncDispose]()
  await vi.waitUntil(async () => !(await server.isReady()), UNTIL)
  const { ready, why } = await server.state()
  const waiting = await ask(kept, server.restUrl)
  // What becomes live now is confirmed by others, and yet nobody may get an older answer for long.
  await setChannel(store, { sha: next, seq: 4 })
  // Its channel goes idle when it is told to go.
  await vi.waitUntil(
    () => channel.getChannel().getConnectivityState(false) === connectivityState.IDLE,
    UNTIL,
  )
  const told = await ask(kept, server.restUrl)
  const late = await ask(new Agent(), server.restUrl)
  channel.close()
  await stopped

  expect({ ready, why }).toEqual({ ready: false, why: 'it is stopping' })
  expect(first).toBe(RIGHT)
  expect(waiting).toEqual([RIGHT, 'kept'])
  expect(told).toEqual([NEXT, 'close'])
  expect(late).toEqual([NEXT, 'close'])
  await expect(ask(new Agent(), server.restUrl)).rejects.toThrow('ECONNREFUSED')
})
