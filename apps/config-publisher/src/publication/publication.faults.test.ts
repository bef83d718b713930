import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { manifestKey, tenantKey } from '@drover/model-config'
import { ModelStoreError, OBJECT_BYTES_MAX, withFaults } from '@drover/model-store'
import { expect, test, vi } from 'vitest'
import { id, startPublication, startWith } from './publication.fixture.ts'
import { tenantOf } from '../facts.fixture.ts'
import { goLive } from '../publisher.fixture.ts'

test('an object that is too large to be read holds up its own tenant alone', async () => {
  await using world = await startWith('acme', 'bosch')
  const path = join(world.workDirectory, 'large')
  await writeFile(path, '')
  await truncate(path, OBJECT_BYTES_MAX + 1)
  await world.store.createFile(manifestKey(id('acme'), 2), path)

  await startPublication(world.store).look('all')

  expect(await world.candidate()).toEqual({ 'bosch.late': 1 })
})

test('what could not be looked at is not made a part of the next look', async () => {
  await using world = await startWith('acme', 'bosch')
  const store = withFaults(world.store, async (_method, key) => {
    if (key === tenantKey('acme')) throw new ModelStoreError('UNAVAILABLE', 'test: away')
  })
  const publication = startPublication(store)
  await expect(publication.look(['acme'])).rejects.toThrow('test: away')

  await publication.look(['bosch'])
  publication.close()

  expect(await world.candidate()).toEqual({ 'bosch.late': 1 })
})

test("one tenant's broken object leaves it as it is and delays nobody", async () => {
  await using world = await startWith('acme')
  const publication = startPublication(world.store)
  await publication.look('all')
  await world.putTenant(tenantOf('bosch'))
  await world.addJudged(id('bosch'), 1)
  await world.store.create(manifestKey(id('acme'), 2), 'no JSON')

  await publication.look('all', { isUrgent: true })

  expect(await world.candidate()).toEqual({ 'acme.late': 1, 'bosch.late': 1 })
})

test('a store that is away is an error, and the change is published when it is back', async () => {
  await using world = await startWith('acme', 'bosch')
  let isAway = true
  const store = withFaults(world.store, () => {
    if (isAway) throw new Error('the store is away')
  })
  const publication = startPublication(store)
  await expect(publication.look(['acme'])).rejects.toThrow('the store is away')
  isAway = false

  await publication.look(['bosch'])

  // The failed look is repeated by itself.
  const isThere = async () => Object.keys(await world.candidate()).length === 2
  await vi.waitUntil(isThere, { timeout: 15_000, interval: 50 })
  expect(await world.candidate()).toEqual({ 'acme.late': 1, 'bosch.late': 1 })
  publication.close()
})

test('an undo to a config that is gone is given up, and stops nobody', async () => {
  await using world = await startWith('acme', 'bosch')
  const publication = startPublication(world.store)
  await publication.look('all')
  await goLive(world)
  const asked = ((await world.channel())?.seq ?? 0) + 1
  const gone = { sha: 'a'.repeat(64), seq: 1, by: 'kubectl', why: 'x', asked }
  await world.moveChannel(() => ({ undo: gone }))
  await world.addJudged(id('acme'), 2)

  await publication.look('all', { isUrgent: true })
  publication.close()

  const channel = await world.channel()
  expect(channel?.candidate?.seq).toBeGreaterThan(asked)
  expect(await world.candidate()).toMatchObject({ 'acme.late': 2 })
})
