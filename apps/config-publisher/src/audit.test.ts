import { type Audit, auditKey, channelKey, controlsKey } from '@drover/model-config'
import { createJson, type ModelStore } from '@drover/model-store'
import { expect, test } from 'vitest'
import { readAudit } from './audit.ts'
import { changeControls } from './controls/act.ts'
import { withoutPins, withPins } from './controls/plan.ts'
import { tenantOf } from './facts.fixture.ts'
import { makeRecords } from './records.ts'
import { startWorld } from './world.fixture.ts'

const DAY_MS = 86_400_000
const START = Date.parse('2026-03-01T12:00:00.000Z')
const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

/** A store in which pins move, each time a day later. */
async function startPinned() {
  const world = await startWorld()
  const { store } = world
  const records = makeRecords(store)
  let now = START
  const change = async (tenant: string, what: string, isPinned: boolean) => {
    const at = new Date(now).toISOString()
    await changeControls(
      { store, records, now: () => now },
      {
        tenant,
        by: 'jo',
        what,
        why: 'worse',
        traceparent: TRACE,
        change: (pins) =>
          isPinned
            ? withPins(pins, {
                tenant: tenantOf(tenant),
                pins: { late: 1 },
                note: { by: 'jo', why: 'worse', at },
              })
            : withoutPins(pins, ['late']),
      },
    )
    now += DAY_MS
  }
  const read = async (question: { tenant?: string; fleet?: string; limit?: number } = {}) =>
    await readAudit({ store, records }, { limit: 50, ...question })
  return { ...world, records, change, read }
}

const whats = ({ records }: { records: Audit[] }) => records.map(({ what }) => what)

const liveAt = async (store: ModelStore, fleet: string, seq: number) => {
  const at = new Date(START + seq * 1_000)
  const record = { format: 1, object: channelKey(fleet), seq, by: 'restarter', what: `live ${seq}` }
  const key = auditKey(at, `fleets.${fleet}.live.${seq}`)
  await createJson(store, key, { ...record, at: at.toISOString() })
}

test('the audit has who did what, when and why, over all days, the newest last', async () => {
  await using world = await startPinned()
  await world.change('acme', 'rollback', true)
  await world.change('acme', 'release late', false)
  await world.change('bosch', 'rollback', true)

  const audit = await world.read()

  expect(audit).toMatchObject({ isMore: false, unreadable: [] })
  expect(audit.records).toMatchObject([
    { object: 'controls/acme.json', by: 'jo', what: 'rollback', why: 'worse', before: null },
    { what: 'release late', at: '2026-03-02T12:00:00.000Z', before: { pins: { late: {} } } },
    { object: 'controls/bosch.json', what: 'rollback' },
  ])
})

test('it is bounded, and says that there may be more', async () => {
  await using world = await startPinned()
  for (let seq = 1; seq <= 12; seq++) await liveAt(world.store, 'main', seq)

  const audit = await world.read({ limit: 3 })

  // By their numbers, and not by their names as text.
  expect(whats(audit)).toEqual(['live 10', 'live 11', 'live 12'])
  expect(audit.isMore).toBe(true)
  expect((await world.read({ limit: 12 })).isMore).toBe(false)
})

test('it can be asked about one tenant, or one fleet', async () => {
  await using world = await startPinned()
  await world.change('acme', 'rollback of acme', true)
  await world.change('main', 'rollback of a tenant main', true)
  await liveAt(world.store, 'main', 1)
  await liveAt(world.store, 'eu', 2)

  expect(whats(await world.read({ tenant: 'acme' }))).toEqual(['rollback of acme'])
  expect(whats(await world.read({ fleet: 'main' }))).toEqual(['live 1'])
  expect(whats(await world.read({ tenant: 'nobody' }))).toEqual([])
})

test('a try that lost to another is not shown, neither the newest one nor one before', async () => {
  await using world = await startPinned()
  const lose = async (seq: number) => {
    const record = { format: 1, object: controlsKey('acme'), seq, by: 'jo', what: `lost ${seq}` }
    const at = new Date(START)
    await createJson(world.store, auditKey(at, `controls.acme.${seq}.lost`), {
      ...record,
      at: at.toISOString(),
    })
  }
  await world.change('acme', 'rollback', true)
  await world.change('acme', 'release late', false)
  await lose(1)
  await lose(2)
  await lose(3)

  expect(whats(await world.read())).toEqual(['rollback', 'release late'])
})

test('a record that cannot be read is named, and hides no other', async () => {
  await using world = await startPinned()
  await world.change('acme', 'rollback', true)
  const key = auditKey(new Date(START), 'fleets.main.live.7')
  await world.store.create(key, 'garbage')

  const audit = await world.read()

  expect(whats(audit)).toEqual(['rollback'])
  expect(audit.unreadable).toEqual([key])
})
