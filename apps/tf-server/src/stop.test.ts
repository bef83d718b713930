import { expect, test, vi } from 'vitest'
import { publish } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

test('a server that stops is unready first, and still answers', async () => {
  await using fleet = await startReady(() => ({ stopWaitMs: 1_000 }))
  const { server, store } = fleet
  await server.apply({ sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }, 2)

  const stopped = server[Symbol.asyncDispose]()
  await vi.waitUntil(async () => !(await server.isReady()), UNTIL)

  expect(await server.state()).toMatchObject({ ready: false, why: 'it is stopping' })
  expect(await server.predict('acme.late', 1)).toBe(11)
  await stopped
  await expect(server.predict('acme.late', 1)).rejects.toThrow('fetch failed')
})

test("the metrics are the agent's and the model server's", async () => {
  await using fleet = await startReady()
  const { server, store } = fleet
  await server.apply({ sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }, 2)

  const page = await (await fetch(`${server.url}/metrics`)).text()

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
