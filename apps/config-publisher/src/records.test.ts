import { madePrefix, Verdict, verdictKey } from '@drover/model-config'
import { createJson, requireJson, withFaults } from '@drover/model-store'
import { expect, test } from 'vitest'
import { makeRecords } from './records.ts'
import { startWorld } from './world.fixture.ts'

const ID = { tenant: 'acme', model: 'late' }
const VERSIONS = 30

test('a second look at the versions of a model lists twice, however many there are, and reads nothing again', async () => {
  await using world = await startWorld()
  const calls: string[] = []
  const counted = withFaults(world.store, (method, key, when) => {
    if (when === 'before') calls.push(`${method} ${key}`)
  })
  const numbers = Array.from({ length: VERSIONS }, (_, index) => index + 1)
  for (const number of numbers) await world.addJudged(ID, number)
  const records = makeRecords(counted)

  const first = await records.versions(ID)
  calls.length = 0
  const second = await records.versions(ID)

  expect(first.map(({ version, verdicts }) => [version, verdicts.length])).toEqual(
    numbers.map((number) => [number, 1]),
  )
  expect(second).toEqual(first)
  expect(calls.toSorted()).toEqual(['list models/acme/late', 'listDeep verdicts/acme/late'])
})

test('every verdict on a version is seen, in order, and what the gate made is none', async () => {
  await using world = await startWorld()
  const records = makeRecords(world.store)
  await world.addJudged(ID, 1)
  await world.addJudged(ID, 12)
  const [before] = await records.versions(ID)
  const verdict = await requireJson(world.store, verdictKey(ID, 1, 1), Verdict)

  for (let n = 2; n <= 11; n++)
    await createJson(world.store, verdictKey(ID, 1, n), { ...verdict, n })
  await world.store.create(`${madePrefix(ID, 1, 12)}/3.json`, '{}')
  const [after, other] = await records.versions(ID)

  expect(before?.verdicts.map(({ n }) => n)).toEqual([1])
  expect(after?.verdicts.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  expect(other?.verdicts).toHaveLength(1)
})
