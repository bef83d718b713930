import { mapBounded } from '@drover/basics'
import { channelKey } from '@drover/model-config'
import { type FaultHook, type ModelStore, withFaults } from '@drover/model-store'
import { describe, expect, test } from 'vitest'
import { id, startPublication, startWith } from './publication.fixture.ts'
import { manifestOf, tenantOf } from '../facts.fixture.ts'
import { makeRecords } from '../records.ts'
import { startWorld, type World } from '../world.fixture.ts'

const WORLDS_AT_ONCE = 8
test('the first look makes the channel, with nothing in it', async () => {
  await using world = await startWith()

  await startPublication(world.store).look('all')

  expect(await world.channel()).toMatchObject({ seq: 0, prefetch: [], previous: [] })
  expect((await world.channel())?.candidate).toBeUndefined()
})

test('what is named is published, and the restarter is told', async () => {
  await using world = await startWith('acme', 'bosch')
  const nudges: string[] = []

  const candidate = await startPublication(world.store, nudges).look(['acme'])

  expect(await world.candidate()).toEqual({ 'acme.late': 1 })
  expect((await world.channel())?.candidate).toEqual(candidate)
  expect(candidate?.seq).toBe((await world.channel())?.seq)
  expect(nudges).toEqual(['main'])
})

test('the same again moves nothing, and tells the restarter what is still pending', async () => {
  await using world = await startWith('acme')
  const nudges: string[] = []
  const publication = startPublication(world.store, nudges)
  await publication.look(['acme'])
  const before = await world.channel()

  await publication.look('all')

  expect(await world.channel()).toEqual(before)
  expect(nudges).toHaveLength(2)
})

test('a look at the whole fleet finds every tenant', async () => {
  await using world = await startWith('acme', 'bosch', 'cern')

  await startPublication(world.store).look('all')

  expect(await world.candidate()).toEqual({ 'acme.late': 1, 'bosch.late': 1, 'cern.late': 1 })
})

test('many changes at once become few configs, and none is lost', async () => {
  const tenants = Array.from({ length: 40 }, (_, at) => `t${at}`)
  await using world = await startWith(...tenants)
  const publication = startPublication(world.store)

  await Promise.all(tenants.map(async (tenant) => await publication.look([tenant])))

  expect(Object.keys(await world.candidate())).toHaveLength(40)
  // The first at once, the others together when the second is over or the candidate is live.
  expect((await world.channel())?.seq).toBeLessThanOrEqual(2)
})

test('two publishers at once lose nothing and agree', async () => {
  const tenants = Array.from({ length: 20 }, (_, at) => `t${at}`)
  await using world = await startWith(...tenants)
  const publications = [startPublication(world.store), startPublication(world.store)]

  await Promise.all(
    tenants.flatMap((tenant) =>
      publications.map(async (each) => await each.look([tenant], { isUrgent: true })),
    ),
  )

  expect(Object.keys(await world.candidate())).toHaveLength(20)
})

test('a plan is dropped when the channel moves under it', async () => {
  await using world = await startWith('acme', 'bosch')
  const wish = { restart: { count: 1, wish: 'w1' } }
  let moves = 0
  const store = withFaults(world.store, async (method, key, when) => {
    if (method === 'swap' && key === channelKey('main') && when === 'before' && moves++ === 1) {
      await world.moveChannel(() => wish)
    }
  })

  await startPublication(store).look('all')

  expect(await world.channel()).toMatchObject(wish)
  expect(await world.candidate()).toEqual({ 'acme.late': 1, 'bosch.late': 1 })
})

const liveAt = (seq: number) => (sha: string) => ({ sha, seq, at: new Date().toISOString() })

test('changes gather while a rollout is under way, until it ends', async () => {
  await using world = await startWith('acme', 'bosch', 'cern')
  const publication = startPublication(world.store)
  await publication.look(['acme'])

  const looks = Promise.all([publication.look(['bosch']), publication.look(['cern'])])
  await world.moveChannel(({ candidate }) => ({
    live: liveAt(candidate?.seq ?? 0)(candidate?.sha ?? ''),
  }))
  await looks

  const channel = await world.channel()
  expect(Object.keys(await world.candidate())).toHaveLength(3)
  // Channel, first candidate, live, and one candidate for both.
  expect(channel?.seq).toBe(3)
})

test('a rejected culprit falls back to its next best version, in this fleet only', async () => {
  await using world = await startWith('acme', 'bosch')
  await world.addJudged(id('acme'), 2)
  const publication = startPublication(world.store)
  await publication.look('all')
  const { digest } = manifestOf(2)
  const culprit = { name: 'acme.late', version: 2, digest, reason: 'a wrong golden answer' }
  await world.moveChannel(({ candidate }) => ({
    rejected: [{ ...candidateOf(candidate), kind: 'model', culprits: [culprit], why: 'no' }],
  }))

  await publication.look([])

  expect(await world.candidate()).toEqual({ 'acme.late': 1, 'bosch.late': 1 })
  const [version] = (await makeRecords(world.store).versions(id('acme'))).slice(-1)
  expect(version?.verdicts.at(-1)).toMatchObject({
    n: 2,
    pass: false,
    by: 'rollout',
    fleet: 'main',
    rejectedSeq: 1,
    reason: 'a wrong golden answer',
  })
})

const candidateOf = (candidate: { sha: string; seq: number } | undefined) => {
  if (candidate === undefined) throw new Error('there is no candidate')
  return candidate
}

test('removals that nothing explains are held back, seen, and let go when somebody allows them', async () => {
  await using world = await startWith('acme', 'bosch', 'cern')
  const publication = startPublication(world.store)
  await publication.look('all')
  await world.moveChannel(({ candidate }) => ({ live: liveAt(1)(candidate?.sha ?? '') }))
  // Their specs vanish, as by a slip of the operator, and no tombstone says why.
  const empty = withFaults(world.store, () => {})
  const lossy: ModelStore = {
    ...empty,
    readState: async (key) =>
      /acme|bosch/.test(key) && key.startsWith('tenants/') ? undefined : await empty.readState(key),
  }
  const losing = startPublication(lossy)

  await losing.look('all')
  expect(losing.refusedRemovals()).toEqual(['acme.late', 'bosch.late'])
  expect(Object.keys(await world.candidate())).toHaveLength(3)
  await losing.look(['acme', 'bosch'], {
    allowedRemovals: losing.refusedRemovals(),
    isUrgent: true,
  })

  expect(await world.candidate()).toEqual({ 'cern.late': 1 })
  expect(losing.refusedRemovals()).toEqual([])
})

async function onboard(world: World): Promise<void> {
  await world.putTenant(tenantOf('acme'))
  await world.addJudged(id('acme'), 1)
}

describe('a publisher that dies at any call of the store is followed by one that ends up right', () => {
  const rejected = async (world: World) => {
    await onboard(world)
    await world.addJudged(id('acme'), 2)
    await startPublication(world.store).look('all')
    const { digest } = manifestOf(2)
    const culprit = { name: 'acme.late', version: 2, digest, reason: 'wrong' }
    await world.moveChannel(({ candidate }) => ({
      rejected: [{ ...candidateOf(candidate), kind: 'model', culprits: [culprit], why: 'no' }],
    }))
  }

  test.each([
    ['a first model', onboard, 1],
    ['a rejected config', rejected, 3],
  ])(
    '%s',
    async (_, prepare, seq) => {
      const dieAt = async (deadAt: number): Promise<{ calls: number; after: unknown }> => {
        await using world = await startWorld()
        await prepare(world)
        let calls = 0
        const die: FaultHook = () => {
          if (calls++ >= deadAt) throw new Error('the process died')
        }
        const dying = startPublication(withFaults(world.store, die))
        await dying.look('all').catch(() => {})
        dying.close()
        await startPublication(world.store).look('all', { isUrgent: true })
        const after = { candidate: await world.candidate(), seq: (await world.channel())?.seq }
        return { calls, after }
      }
      const { calls } = await dieAt(Infinity)
      const places = Array.from({ length: calls }, (__, at) => at)

      const outcomes = await mapBounded(places, WORLDS_AT_ONCE, dieAt)

      expect(calls).toBeGreaterThan(20)
      // One candidate in all: what the dead one had published stays.
      for (const [at, { after }] of outcomes.entries()) {
        expect(after, `dead at call ${at}`).toEqual({ candidate: { 'acme.late': 1 }, seq })
      }
    },
    30_000,
  )
})

test('a config whose bucket is collected just before the swap is put again', async () => {
  await using world = await startWith('acme')
  const lost = new Set<string>()
  const store: ModelStore = {
    ...withFaults(world.store, () => {}),
    renew: async (key, content) => {
      // Collection takes each of them away once, after it was written.
      if (!lost.has(key)) lost.add(key)
      else await world.store.renew(key, content)
    },
  }

  await startPublication(store).look('all')

  expect(lost.size).toBe(2)
  expect(await world.candidate()).toEqual({ 'acme.late': 1 })
})
