import { expect, test, vi } from 'vitest'
import { publish } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

// Longer than a new process on a busy machine stands still.
const PULSE = { everyMs: 20, answerMs: 1_500, missesMax: 2 }

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
