import { expect, test, vi } from 'vitest'
import { publish } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

const PULSE = { everyMs: 20, answerMs: 200, missesMax: 3 }

test('a model server that hangs is ended, and another one serves the same models', async () => {
  await using fleet = await startReady(() => ({ pulse: PULSE }))
  const { server, store } = fleet
  const ref = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
  await server.apply(ref, 2)
  const before = server.pid()
  expect(before).toBeDefined()

  process.kill(before ?? 0, 'SIGSTOP')

  await vi.waitUntil(() => server.pid() !== undefined && server.pid() !== before, UNTIL)
  await vi.waitUntil(async () => await server.isReady(), UNTIL)
  expect(await server.predict('acme.late', 1)).toBe(11)
})
