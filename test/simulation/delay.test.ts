import { expect, test } from 'vitest'
import { whatIsOpenOf } from './convergence.ts'
import { configOf, mainOf } from './fleet.ts'
import { LUCKY, openPlay, playRound } from './history.ts'
import { advance, type Fate, type World } from './world.ts'

/** Longest time, in simulated milliseconds, from a change to all servers, all else at rest. */
const DELAY_MS_MAX = 3_000
const ROUND_MS = 100
const AGAIN_MS = 8_000
const GOOD: Fate = { gate: true, brokenOn: [], kills: 0 }
const TROUPE = { trainers: 1, publishers: 1, restarters: 1, servers: 3, named: true, settled: true }

/** How long it takes until b and c are served in their newest versions; a is first in each queue. */
function delayBeside(fate: (urls: readonly string[]) => Partial<Fate>): number {
  const fateOf = (stage: World, name: string): Fate =>
    name.startsWith('a.') ? { ...GOOD, ...fate(mainOf(stage).urls) } : GOOD
  const play = openPlay({ ...TROUPE, deeds: [] }, { ...LUCKY, fateOf })
  const { world } = play
  const fleet = mainOf(world)
  while (playRound(play)) advance(world, ROUND_MS)
  const start = world.now
  for (const tenant of ['a', 'b', 'c']) play.deeds.push({ kind: 'put', tenant, data: 3 })
  for (let isOpen = true; isOpen && world.now < start + 10 * DELAY_MS_MAX;) {
    playRound(play)
    const live = configOf(fleet, fleet.channel?.live)
    isOpen = ['b', 'c'].some((tenant) => whatIsOpenOf(fleet, tenant, live) !== undefined)
    if (isOpen) advance(world, ROUND_MS)
  }
  return world.now - start
}

test.each<[string, (urls: readonly string[]) => Partial<Fate>]>([
  ['is good', () => ({})],
  ['does not pass the gate', () => ({ gate: false })],
  ['is broken on every server', (urls) => ({ brokenOn: urls })],
  ['is broken on the last server', (urls) => ({ brokenOn: urls.slice(-1) })],
])('other tenants do not wait for a version that %s', (_name, fate) => {
  expect(delayBeside(fate)).toBeLessThanOrEqual(DELAY_MS_MAX)
})

test('a version that ends a model server delays the others by one pause at most', () => {
  expect(delayBeside(() => ({ kills: 1 }))).toBeLessThanOrEqual(AGAIN_MS)
})
