import type { Channel, Models } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import { controlsOf, entryOf, tenantOf, versionOf } from '../facts.fixture.ts'
import { goLive } from '../publisher.fixture.ts'
import { liveOf, named, NOW, observed, publish, refOf, settled } from './observed.fixture.ts'
import { plan, type PublicationObserved } from './plan.ts'
import { id, startPublication, startWith } from './publication.fixture.ts'

const BEFORE: Models = { 'acme.late': entryOf(1), 'bosch.late': entryOf(7) }
const NOW_LIVE: Models = { 'acme.late': entryOf(2), 'bosch.late': entryOf(7) }
const undo = { ...refOf(BEFORE, 3), by: 'person', why: 'worse', asked: 9 }
const versions = [versionOf(1), versionOf(2)]
const acme = named({ versions })
const pinned = named({
  versions,
  controls: { ...controlsOf('acme', { late: 1 }), undone: { main: 9 } },
})
const released = named({ versions, controls: { ...controlsOf('acme', {}), undone: { main: 9 } } })

/** A fleet that runs `NOW_LIVE` and is to go back, unless a test says else. */
const seen = (
  more: Partial<PublicationObserved> = {},
  channel: Partial<Channel> = {},
): PublicationObserved =>
  observed({
    base: NOW_LIVE,
    undo: BEFORE,
    named: { 'acme.late': acme },
    channel: settled(NOW_LIVE, { undo, ...channel }),
    ...more,
  })

/** The pins that are due, by served name. */
function pinsIn(action: ReturnType<typeof plan>): Record<string, number | 'none'> | string {
  if (action?.kind !== 'undo') return action?.kind ?? 'nothing'
  return Object.fromEntries(
    action.due.flatMap(({ tenant, pins }) =>
      Object.entries(pins).map(([model, version]) => [`${tenant.tenant}.${model}`, version]),
    ),
  )
}

describe('an undo pins', () => {
  const cern = named({ tenant: tenantOf('cern'), versions: [versionOf(1)] })
  const reborn = named({ tenant: tenantOf('acme', ['late'], { models: { late: { born: 4 } } }) })
  const frozen = { by: 'x', why: 'y', until: new Date(NOW + 1_000).toISOString() }
  const gone = named({ tenant: tenantOf('acme', [], { tombstone: true }) })

  test.each<[string, PublicationObserved, ReturnType<typeof pinsIn>]>([
    ['exactly what differs', seen(), { 'acme.late': 1 }],
    ['during a freeze too', seen({}, { freeze: frozen }), { 'acme.late': 1 }],
    [
      'to none what was not listed then',
      seen({
        base: { ...NOW_LIVE, 'cern.late': entryOf(1) },
        named: { 'acme.late': acme, 'cern.late': cern },
      }),
      { 'acme.late': 1, 'cern.late': 'none' },
    ],
    [
      'what only `live` has otherwise',
      seen({ base: BEFORE, live: NOW_LIVE, channel: settled(BEFORE, { undo }) }),
      { 'acme.late': 1 },
    ],
    [
      'over another pin',
      seen({
        named: { 'acme.late': named({ versions, controls: controlsOf('acme', { late: 2 }) }) },
      }),
      { 'acme.late': 1 },
    ],
    [
      'no model of an earlier owner',
      seen({ named: { 'acme.late': reborn } }),
      { 'acme.late': 'none' },
    ],
    ['nothing that is gone', seen({ named: { 'acme.late': gone } }), 'publish'],
    [
      'nothing of another fleet',
      seen({
        named: { 'acme.late': named({ tenant: tenantOf('acme', ['late'], { fleet: 'b' }) }) },
      }),
      'publish',
    ],
    ['nothing twice', seen({ named: { 'acme.late': released } }), 'publish'],
    [
      'again for another undo',
      seen({ named: { 'acme.late': released } }, { undo: { ...undo, asked: 10 } }),
      { 'acme.late': 1 },
    ],
    [
      'nothing once a candidate holds it',
      seen({ undo: undefined }, { candidate: refOf(NOW_LIVE, 10), live: liveOf(NOW_LIVE, 10) }),
      'nothing',
    ],
  ])('%s', (_, given, pins) => {
    expect(pinsIn(plan(given))).toEqual(pins)
  })
})

describe('then it publishes', () => {
  test.each<[string, PublicationObserved, object]>([
    ['what is pinned', seen({ named: { 'acme.late': pinned } }), publish(BEFORE)],
    [
      'at once, although a rollout is under way',
      seen(
        { named: { 'acme.late': pinned }, since: NOW },
        { candidate: refOf(NOW_LIVE, 8), live: liveOf(BEFORE, 5) },
      ),
      publish(BEFORE),
    ],
    [
      'during a freeze too, and upwards',
      seen(
        {
          base: BEFORE,
          undo: NOW_LIVE,
          named: { 'acme.late': named({ ...pinned, controls: undone(2) }) },
        },
        { freeze: { by: 'x', why: 'y', until: new Date(NOW + 1_000).toISOString() } },
      ),
      publish(NOW_LIVE),
    ],
    [
      'the same once more where nothing differs, since a candidate says that it is done',
      seen({ base: BEFORE, named: {} }),
      publish(BEFORE),
    ],
    [
      'an older version where the pinned one does not pass any more',
      seen({
        undo: { ...BEFORE, 'acme.late': entryOf(2) },
        base: { ...BEFORE, 'acme.late': entryOf(3) },
        named: {
          'acme.late': named({
            versions: [versionOf(1), versionOf(2, 'fail'), versionOf(3)],
            controls: undone(2),
          }),
        },
      }),
      publish(BEFORE),
    ],
  ])('%s', (_, given, action) => {
    expect(plan(given)).toEqual(action)
  })
})

function undone(version: number) {
  return { ...controlsOf('acme', { late: version }), undone: { main: 9 } }
}

test('a fleet goes back by a look at nobody, once, and a pin that was released stays released', async () => {
  await using world = await startWith('acme', 'bosch')
  const publication = startPublication(world.store)
  await publication.look('all')
  await goLive(world)
  await world.addJudged(id('acme'), 2)
  await publication.look('all')
  const before = (await world.channel())?.live
  await goLive(world)
  const asked = ((await world.channel())?.seq ?? 0) + 1
  const { sha = '', seq = 0 } = before ?? {}
  await world.moveChannel(() => ({ undo: { sha, seq, by: 'person', why: 'worse', asked } }))

  const candidate = await publication.look([])
  const after = await world.candidate()
  await publication.look('all')

  expect(after).toEqual({ 'acme.late': 1, 'bosch.late': 1 })
  expect(candidate?.seq).toBeGreaterThan(asked)
  expect((await world.channel())?.candidate).toEqual(candidate)
  expect(await world.store.readState('controls/bosch.json')).toBeUndefined()
})
