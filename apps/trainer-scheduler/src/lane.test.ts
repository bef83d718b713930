import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readConfig } from './config.ts'
import { makeCommandLane } from './lane.ts'
import {
  type Bench,
  commitsOf,
  makeCsv,
  makeSpec,
  type Rig,
  startBench,
  startRig,
} from './scheduler.fixture.ts'

const WAIT = { timeout: 30_000, interval: 10 }
const LATE = { tenant: 'acme', model: 'late' }
const LONG_MS = 3_600_000

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
  await bench.trainer.warm()
})
afterAll(async () => await bench[Symbol.asyncDispose]())

const script = (text: string) => ({
  argv: [process.execPath, '--input-type=commonjs', '-e', text, '--'],
  timeoutMs: LONG_MS,
})

async function putCommand(rig: Rig, tenant: string, command: string): Promise<void> {
  const upload = await rig.upload(`${tenant}/late`, makeCsv())
  const late = { recipe: { name: 'command', command }, data: { upload } }
  await rig.call('PUT', `/v1/tenants/${tenant}`, { models: { late } })
}

const runningOf = (rig: Rig): string[] => rig.scheduler.activeRuns().map(({ tenant }) => tenant)

test('commands that hang leave a slot to the recipes of other tenants', async () => {
  const commands = { hangs: script('setInterval(() => {}, 1000)') }
  await using rig = await startRig(bench, { name: 'hang', commands, slots: 2 })
  for (const tenant of ['one', 'two', 'three']) await putCommand(rig, tenant, 'hangs')
  await vi.waitUntil(() => runningOf(rig).length > 0, WAIT)

  await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))
  await vi.waitUntil(async () => (await commitsOf(rig.store, LATE)).length === 1, WAIT)

  expect(runningOf(rig).filter((tenant) => tenant !== 'acme')).toHaveLength(1)
})

test('a command that found the lane full runs as soon as the one before it ends', async () => {
  const go = join(bench.directory, 'go')
  const commands = {
    waits: script(
      `setInterval(() => require('fs').existsSync(${JSON.stringify(go)}) && process.exit(1), 10)`,
    ),
    hangs: script('setInterval(() => {}, 1000)'),
  }
  await using rig = await startRig(bench, { name: 'next', commands, slots: 2 })
  await putCommand(rig, 'first', 'waits')
  await vi.waitUntil(() => runningOf(rig).includes('first'), WAIT)
  await putCommand(rig, 'second', 'hangs')
  // Trained after it in the same slot: the second one was looked at by then.
  await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))
  await vi.waitUntil(async () => (await commitsOf(rig.store, LATE)).length === 1, WAIT)
  expect(runningOf(rig)).not.toContain('second')

  await writeFile(go, '')

  // Sooner than by the pause of the lane.
  await vi.waitUntil(() => runningOf(rig).includes('second'), { ...WAIT, timeout: 15_000 })
})

test('a tenant with many waiting commands does not come before one with a single one', () => {
  const told: string[] = []
  const set = ({ tenant, model }: typeof LATE, at: number | undefined) => {
    if (at === 0) told.push(`${tenant}.${model}`)
  }
  const lane = makeCommandLane(2, { set }, () => 0)
  const place = lane.enter({ tenant: 'many', model: 'a' })
  for (const model of ['b', 'c']) lane.park({ tenant: 'many', model })
  lane.park({ tenant: 'one', model: 'a' })

  place?.[Symbol.dispose]()

  expect(told).toEqual(['one.a', 'many.b', 'many.c'])
})

test('there are two slots unless told, so that a command never has the only one', () => {
  expect(readConfig({ DROVER_REDIS_URL: 'redis://localhost' }).DROVER_SLOTS).toBe(2)
})
