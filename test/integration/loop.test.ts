import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startLoop } from '../support/loop.ts'
import { emptyRedis } from '../support/redis.ts'

const UNTIL = { timeout: 30_000, interval: 20 }
const FLIGHTS = join(import.meta.dirname, '../../libs/training/fixtures/flights-bwi.csv')
const ROW = { hour: 21, weekday: 'friday', distance: 1246, destination: 'HOU' }
const NAME = 'bwi.late'
const recipe = {
  name: 'tabular-classifier',
  label: 'late',
  columns: {
    hour: { type: 'cyclic', period: 24 },
    weekday: { type: 'category' },
    distance: { type: 'number' },
    destination: { type: 'category' },
  },
}

test('a client is served, then better, then as before, then no more, also when Redis was emptied in between', async () => {
  const first = await readFile(FLIGHTS, 'utf8')
  // As if the same flights had come again.
  const second = first + first.slice(first.indexOf('\n') + 1)
  await using loop = await startLoop()
  const put = async (csv: string) => {
    const upload = await loop.upload('bwi', 'late', csv)
    const spec = { models: { late: { recipe, data: { upload } } } }
    return await loop.call('PUT', '/v1/tenants/bwi', spec)
  }
  const servesOnly = (version: number) => async () =>
    (await loop.served(NAME)).join() === String(version)

  expect(await put(first)).toMatchObject({ status: 202 })
  await vi.waitUntil(servesOnly(1), UNTIL)
  const before = await loop.predict(NAME, ROW)

  // What was acknowledged is found by a scan, wherever its nudge was lost.
  expect(await put(second)).toMatchObject({ status: 202 })
  await emptyRedis(loop.redisUrl)
  await vi.waitUntil(servesOnly(2), UNTIL)
  const after = await loop.predict(NAME, ROW)

  // The server answers a moment before its config is live; until then there is nothing to undo.
  const undo = async () =>
    await loop.wishes.undo(undefined, 'worse').then(
      () => true,
      () => false,
    )
  await vi.waitUntil(undo, UNTIL)
  await emptyRedis(loop.redisUrl)
  await vi.waitUntil(servesOnly(1), UNTIL)
  const again = await loop.predict(NAME, ROW)

  expect(await loop.call('DELETE', '/v1/tenants/bwi')).toMatchObject({ status: 202 })
  await vi.waitUntil(async () => (await loop.predict(NAME, ROW)) === 404, UNTIL)

  const answer = { label: expect.any(String), scores: expect.any(Array) }
  expect([before, after]).toMatchObject([answer, answer])
  expect(after).not.toEqual(before)
  expect(again).toEqual(before)
})
