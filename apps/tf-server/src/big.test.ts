import { expect, test } from 'vitest'
import { publish } from './test-support/published.ts'
import { startReady } from './test-support/server.ts'
test('big', { timeout: 300_000 }, async () => {
  await using fleet = await startReady()
  const { server, store } = fleet
  const versions: Record<string, [number, number]> = {}
  for (let i = 0; i < 500; i++) versions[`t${i}.late`] = [1, i]
  let t = performance.now()
  const sha = await publish(store, versions)
  console.log('publish', performance.now() - t)
  t = performance.now()
  const r = await server.apply({ sha, seq: 3 }, 2)
  console.log('apply 500', performance.now() - t, JSON.stringify(r).slice(0, 200))
  for (let k = 0; k < 4; k++) {
    const next = { ...versions, 'new.late': [k + 1, 1] as [number, number] }
    const { putConfig, putVersion } = await import('./test-support/published.ts')
    const s2 = await publish(store, next)
    t = performance.now()
    await server.apply({ sha: s2, seq: 5 + k }, 5 + k)
    console.log('apply 1 of 500', performance.now() - t)
  }
  t = performance.now()
  await server.recycle(9, 1)
  console.log('recycle 500', performance.now() - t)
  const pid = server.pid() ?? 0
  t = performance.now()
  process.kill(pid, 'SIGKILL')
  while (server.pid() === pid || !(await server.isReady())) await new Promise((r) => setTimeout(r, 10))
  console.log('crash 500', performance.now() - t)
  expect(1).toBe(1)
})
