import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { configOf, type ServedOptions, startServed, WAIT } from './served.fixture.ts'

const ALL = { kind: 'all' } as const
let world: Awaited<ReturnType<typeof startServed>>
const restart = async (options: ServedOptions) => {
  await world.stop()
  world = await startServed(options)
}
const labels = () => Object.fromEntries(world.threads.models.get('m')?.labels ?? [])
const reload = async (versionLabels: Record<string, bigint>) =>
  await world.reload.reload(configOf(world.config('m', { versionPolicy: ALL, versionLabels })))
const refusal = (version: number) => ({
  code: 'FAILED_PRECONDITION',
  message:
    `Request to assign label to version ${version} of model m, ` +
    'which is not currently available for inference',
})

beforeEach(async () => {
  world = await startServed()
})
afterEach(async () => {
  await world.stop()
})

test('labels in the first config name the versions that are on disk', async () => {
  await world.write('m', 1)
  await world.write('m', 2)

  await reload({ stable: 1n, canary: 2n })

  expect(labels()).toEqual({ stable: 1n, canary: 2n })
})

test('a label of a version that is not there is told of, and comes when it does', async () => {
  await world.write('m', 1)

  await expect(reload({ stable: 1n, canary: 2n })).rejects.toMatchObject(refusal(2))
  expect(labels()).toEqual({ stable: 1n })

  await world.write('m', 2)
  await vi.waitUntil(() => labels()['canary'] === 2n, WAIT)
})

test('it is an error of its own model alone', async () => {
  await world.write('m', 1)
  await world.write('other', 1)
  const config = configOf(
    world.config('m', { versionLabels: { canary: 9n } }),
    world.config('other', { versionLabels: { stable: 1n } }),
  )

  await expect(world.reload.reload(config)).rejects.toMatchObject(refusal(9))

  expect(world.threads.models.get('other')?.labels).toEqual(new Map([['stable', 1n]]))
})

test('a label that is in use stays where it is until its new version is available', async () => {
  await world.write('m', 1)
  await reload({ stable: 1n })

  await expect(reload({ stable: 2n })).rejects.toMatchObject(refusal(2))
  expect(labels()).toEqual({ stable: 1n })

  await world.write('m', 2)
  await vi.waitUntil(() => labels()['stable'] === 2n, WAIT)
})

test('a version that only a label still names stays until the label can go', async () => {
  await world.write('m', 1)
  await world.write('m', 2)
  await reload({ stable: 1n })
  const two = world.config('m', {
    versionPolicy: { kind: 'specific', versions: [2n, 3n] },
    versionLabels: { stable: 3n },
  })

  await expect(world.reload.reload(configOf(two))).rejects.toMatchObject(refusal(3))
  expect(world.threads.answering('m')).toBe('1 2')

  await world.write('m', 3)
  await vi.waitUntil(() => world.threads.answering('m') === '2 3', WAIT)
})

test('a label that is listed no more is gone', async () => {
  await world.write('m', 1)
  await reload({ stable: 1n, old: 1n })

  await reload({ stable: 1n })

  await expect.poll(labels, WAIT).toEqual({ stable: 1n })
})

test('where it is allowed a new label may come before its version, a moved one may not', async () => {
  await restart({ allowsEarlyLabels: true })
  await world.write('m', 1)

  await reload({ stable: 1n, canary: 2n })
  expect(labels()).toEqual({ stable: 1n, canary: 2n })

  await expect(reload({ stable: 2n, canary: 2n })).rejects.toMatchObject(refusal(2))
  expect(labels()['stable']).toBe(1n)
})
