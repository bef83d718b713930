import { expect, test } from 'vitest'
import { fleetOf, published, serverOn, shaOf, silentServer } from './servers.fixture.ts'
import { configsOf, countServing, describeServing } from './servers.ts'

const ONE = { sha: shaOf(1), seq: 10 }
const NEWER = { sha: shaOf(2), seq: 12 }
const OLDER = { sha: shaOf(3), seq: 9 }
const failed = (version: number) => [{ name: 'acme.late', version, digest: shaOf(7), reason: 'no' }]

test.each<[string, object, Record<string, number>, number]>([
  ['is on a config that lists the live version', serverOn(ONE), { [ONE.sha]: 3 }, 1],
  ['is on a newer config that leaves the model out', serverOn(NEWER), { [ONE.sha]: 3 }, 0],
  ['is on a newer config that lists it too', serverOn(NEWER), { [NEWER.sha]: 3 }, 1],
  ['is on a newer config with another version', serverOn(NEWER), { [NEWER.sha]: 4 }, 0],
  ['is on an older config that lists it too', serverOn(OLDER), { [OLDER.sha]: 3 }, 1],
  ['could not load it', serverOn(ONE, { failed: failed(3) }), { [ONE.sha]: 3 }, 0],
  ['could not load another version', serverOn(ONE, { failed: failed(4) }), { [ONE.sha]: 3 }, 1],
  ['is not ready', serverOn(ONE, { ready: false }), { [ONE.sha]: 3 }, 0],
  ['has no config', serverOn(undefined), { [ONE.sha]: 3 }, 0],
])('a server that %s counts by what it serves', (_, server, listedIn, confirmed) => {
  const counts = countServing('acme.late', published({ listedIn }), fleetOf([server]))

  expect(counts).toEqual({ confirmed, servers: 1, silent: 0 })
})

test('a server that never answered is told apart, and one that is about to go is none', () => {
  const fleet = fleetOf([serverOn(ONE), silentServer, { ...serverOn(ONE), leaving: true }])

  const counts = countServing('acme.late', published(), fleet)

  expect(counts).toEqual({ confirmed: 1, servers: 1, silent: 1 })
  expect(describeServing(counts)).toBe('1 of 1 servers (1 more does not answer)')
})

test('the configs to ask about are those of most servers, and bounded', () => {
  const many = Array.from({ length: 9 }, (_, at) => serverOn({ sha: shaOf(at), seq: at }))

  const asked = configsOf(fleetOf([...many, serverOn({ sha: shaOf(8), seq: 8 }), silentServer]))

  expect(asked).toHaveLength(6)
  expect(asked[0]).toBe(shaOf(8))
})
