import { afterEach, expect, test } from 'vitest'
import { configOf, startServed } from '../control/served.fixture.ts'
import { gaugesOf } from './gauges.ts'
import { writePage } from './page.ts'

let world: Awaited<ReturnType<typeof startServed>>
afterEach(async () => {
  await world.stop()
})

/** Three models where two fit, and the one that is cold. */
async function startWithCold(residentMsMin: number): Promise<string> {
  world = await startServed({ residentBytesMax: 12, limits: { residentMsMin }, poll: 'once' })
  const names = ['a', 'b', 'c']
  for (const name of names) await world.write(name, 1)
  await world.reload.reload(configOf(...names.map((name) => world.config(name))))
  const cold = names.filter((name) => world.threads.find(name) === 'cold')
  expect(cold).toHaveLength(1)
  return cold[0] ?? ''
}

const counters = (): string[] =>
  Buffer.from(writePage(new Map(), gaugesOf(world.models, new Map())))
    .toString()
    .split('\n')
    .filter((line) => /^drover_model_server_\w+_total /.test(line))

test('cold loads and evictions are counted', async () => {
  const cold = await startWithCold(0)

  await world.models.warm(cold, 1n)

  expect(counters()).toEqual([
    'drover_model_server_cold_loads_total 1',
    'drover_model_server_evictions_total 1',
    'drover_model_server_cold_refusals_total 0',
  ])
})

test('cold loads that were refused are counted', async () => {
  const cold = await startWithCold(60_000)

  await expect(world.models.warm(cold, 1n)).rejects.toMatchObject({ code: 'UNAVAILABLE' })

  expect(counters()).toEqual([
    'drover_model_server_cold_loads_total 0',
    'drover_model_server_evictions_total 0',
    'drover_model_server_cold_refusals_total 1',
  ])
})
