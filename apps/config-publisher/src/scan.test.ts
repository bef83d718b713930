import { type Change, changeKey, type Claim, claimKey, manifestKey } from '@drover/model-config'
import { createJson } from '@drover/model-store'
import { expect, test } from 'vitest'
import { manifestOf } from './facts.fixture.ts'
import { makeScan, type Named } from './scan.ts'
import { startWorld, type World } from './world.fixture.ts'

const MINUTE_MS = 60_000
const START = Date.parse('2026-03-01T10:58:00.000Z')
const id = { tenant: 'acme', model: 'late' }
const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

function startScan({ store }: World) {
  let now = START
  let isFailing = false
  const looks: Named[] = []
  const errors: unknown[] = []
  const scan = makeScan({
    store,
    now: () => now,
    look: async (named) => {
      if (isFailing) throw new Error('not now')
      looks.push(named)
    },
    onError: (error) => void errors.push(error),
  })
  return {
    errors,
    fail: (does: boolean) => void (isFailing = does),
    wait: (minutes: number) => void (now += minutes * MINUTE_MS),
    /** What one scan looked at. */
    async looks(): Promise<Named[]> {
      looks.length = 0
      await scan.run(new AbortController().signal)
      return [...looks]
    },
  }
}

async function record({ store }: World, change: Partial<Change>, at = START): Promise<void> {
  const date = new Date(at)
  const whole = { format: 1, kind: 'commit', ...id, at: date.toISOString(), traceparent, ...change }
  await createJson(store, changeKey(date, `${change.kind ?? 'commit'}-${at}`), whole)
}

const claim = (deadline: number): Claim => ({
  format: 1,
  run: '00000000-0000-4000-8000-000000000000',
  request: 'r',
  born: 1,
  traceparent,
  host: 'h',
  at: new Date(START).toISOString(),
  deadline: new Date(deadline).toISOString(),
})

test('a commit is looked at until its version is there, and then not again', async () => {
  await using world = await startWorld()
  const scan = startScan(world)
  await record(world, { version: 1 })
  await createJson(world.store, claimKey(id, 1), claim(START + 60 * MINUTE_MS))

  expect(await scan.looks()).toEqual([id])
  scan.wait(30)
  expect(await scan.looks()).toEqual([id])
  await createJson(world.store, manifestKey(id, 1), manifestOf(1))

  expect(await scan.looks()).toEqual([id])
  expect(await scan.looks()).toEqual([])
})

test('a commit whose claim ran out is given up', async () => {
  await using world = await startWorld()
  const scan = startScan(world)
  await record(world, { version: 1 })
  await createJson(world.store, claimKey(id, 1), claim(START + 5 * MINUTE_MS))

  scan.wait(4)
  expect(await scan.looks()).toEqual([id])
  scan.wait(2)
  expect(await scan.looks()).toEqual([id])
  expect(await scan.looks()).toEqual([])
})

test('a spec or a pin, which follows its record, is looked at for ten minutes', async () => {
  await using world = await startWorld()
  const scan = startScan(world)
  await record(world, { kind: 'spec', model: undefined })

  expect(await scan.looks()).toEqual([{ tenant: 'acme', model: undefined }])
  scan.wait(9)
  expect(await scan.looks()).toHaveLength(1)
  scan.wait(2)
  expect(await scan.looks()).toHaveLength(1)
  expect(await scan.looks()).toHaveLength(0)
})

test('records of the hour before are read, those of three hours ago and of data are not', async () => {
  await using world = await startWorld()
  const scan = startScan(world)
  await record(world, { kind: 'tombstone', tenant: 'before' }, START - 60 * MINUTE_MS)
  await record(world, { kind: 'tombstone', tenant: 'old' }, START - 180 * MINUTE_MS)
  await record(world, { kind: 'data' })

  expect(await scan.looks()).toEqual([{ tenant: 'before', model: 'late' }])
})

test('a look that fails is repeated, and one broken record stops no other', async () => {
  await using world = await startWorld()
  const scan = startScan(world)
  await world.store.create(changeKey(new Date(START), 'broken'), 'no JSON')
  await record(world, { version: 1 })
  await createJson(world.store, manifestKey(id, 1), manifestOf(1))
  scan.fail(true)

  expect(await scan.looks()).toEqual([])
  expect(scan.errors).toHaveLength(2)
  scan.fail(false)

  expect(await scan.looks()).toEqual([id])
  expect(await scan.looks()).toEqual([])
})
