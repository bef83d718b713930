import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { publish } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

/** One server, which the last test stops. */
let fleet: Awaited<ReturnType<typeof startReady>>

beforeAll(async () => {
  fleet = await startReady(() => ({ stopWaitMs: 1_000 }))
  const { server, store } = fleet
  await server.apply({ sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }, 2)
})

afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
})

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

test('a server that stops is unready first, and still answers', async () => {
  const { server } = fleet

  const stopped = server[Symbol.asyncDispose]()
  await vi.waitUntil(async () => !(await server.isReady()), UNTIL)

  expect(await server.state()).toMatchObject({ ready: false, why: 'it is stopping' })
  expect(await server.predict('acme.late', 1)).toBe(11)
  await stopped
  await expect(server.predict('acme.late', 1)).rejects.toThrow('fetch failed')
})
