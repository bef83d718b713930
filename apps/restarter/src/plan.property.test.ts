import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Quality } from './test-support/server.ts'
import { World } from './test-support/world.ts'

const ROUNDS_MAX = 400

/** One event of a history; numbers choose among what is there. */
type Event =
  | { kind: 'look' | 'act' | 'turn' | 'restart restarter'; who: number }
  | { kind: 'deliver' | 'lose' | 'finish' | 'fail' | 'cut off' | 'mend'; who: number }
  | { kind: 'publish'; quality: Quality }
  | { kind: 'wish' }
  | { kind: 'wait'; ms: number }

const who = fc.nat({ max: 5 })
const steps = (...kinds: ('look' | 'act' | 'turn' | 'deliver' | 'finish')[]) =>
  fc.record({ kind: fc.constantFrom(...kinds), who })
const orderly = [
  { weight: 12, arbitrary: steps('turn', 'deliver', 'finish') },
  { weight: 5, arbitrary: steps('look', 'act') },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(10, 1_000, 5_000, 21_000, 61_000),
    }),
  },
]
const change = {
  weight: 2,
  arbitrary: fc.record({
    kind: fc.constant('publish' as const),
    quality: fc.constantFrom<Quality>('good', 'good', 'bad', 'deadly'),
  }),
}
const goodChange = {
  weight: 2,
  arbitrary: fc.constant({ kind: 'publish' as const, quality: 'good' as const }),
}
const wish = { weight: 1, arbitrary: fc.constant({ kind: 'wish' as const }) }
const death = {
  weight: 1,
  arbitrary: fc.record({ kind: fc.constant('restart restarter' as const), who }),
}
const fault = {
  weight: 2,
  arbitrary: fc.record({ kind: fc.constantFrom('fail', 'cut off', 'mend', 'mend', 'lose'), who }),
}

const history = (...sources: { weight: number; arbitrary: fc.Arbitrary<Event> }[]) =>
  fc.array(fc.oneof(...sources), { maxLength: 120, size: 'max' })

function play(world: World, event: Event): void {
  if (event.kind === 'publish') return world.publish(event.quality)
  if (event.kind === 'wish') return world.wish()
  if (event.kind === 'wait') world.now += event.ms
  else playPart(world, event.kind, event.who)
}

function playPart(world: World, kind: string, one: number): void {
  const { length } = world.messages
  switch (kind) {
    case 'deliver':
    case 'lose':
      return length > 0 ? world.deliver(one % length, kind === 'lose') : undefined
    case 'look':
    case 'act':
    case 'turn':
    case 'restart restarter':
      return playRestarter(world, kind, one % world.restarters.length)
    default:
      return playServer(world, kind, one % world.servers.length)
  }
}

function playRestarter(world: World, kind: string, index: number): void {
  if (kind === 'restart restarter') return world.restartRestarter(index)
  if (kind !== 'act') world.look(index)
  if (kind !== 'look') world.act(index)
}

function playServer(world: World, kind: string, index: number): void {
  const server = world.servers[index]
  if (server === undefined) return
  if (kind === 'finish') return world.finish(server)
  if (kind === 'fail') return world.fail(server)
  if (kind === 'cut off') return world.cutOff(server)
  server.isUp = true
  server.isCutOff = false
}

/** Everything works from now on: each round every part gets its turn, and time passes. */
function settle(world: World): boolean {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (const server of world.servers) {
      server.isUp = true
      server.isCutOff = false
    }
    for (const index of world.restarters.keys()) {
      world.look(index)
      world.act(index)
    }
    while (world.messages.length > 0) world.deliver(0)
    for (const server of world.servers) world.finish(server)
    world.now += 500
    const { live, candidate, rollout } = world.channel
    const isLive = live?.seq === candidate?.seq && rollout === undefined
    if (isLive && world.servers.every(({ config }) => config?.seq === live?.seq)) return true
  }
  return false
}

const sizes = fc.record({
  servers: fc.integer({ min: 1, max: 4 }),
  restarters: fc.integer({ min: 1, max: 2 }),
})

test('whatever happens, live moves only to what all ready servers report, and a good config gets there in the end', () => {
  fc.assert(
    fc.property(
      sizes,
      history(...orderly, change, wish, death, fault),
      ({ servers, restarters }, events) => {
        const world = new World(servers, restarters)
        for (const event of events) play(world, event)
        world.publish('good')

        expect(settle(world)).toBe(true)
      },
    ),
    { numRuns: 500 },
  )
})

test('while the servers are sound there is one canary and one server recycling, whoever of the restarters dies', () => {
  fc.assert(
    fc.property(
      sizes,
      history(...orderly, goodChange, wish, death),
      ({ servers, restarters }, events) => {
        const world = new World(servers, restarters)
        for (const event of events) play(world, event)
        world.publish('good')

        expect(settle(world)).toBe(true)
        expect(world.channel.rejected.filter(({ kind }) => kind !== 'deadline')).toEqual([])
      },
    ),
    { numRuns: 500 },
  )
})

test('a bad config never becomes live and leaves no server on it', () => {
  fc.assert(
    fc.property(sizes, history(...orderly, change, death), ({ servers, restarters }, events) => {
      const world = new World(servers, restarters)
      for (const event of events) play(world, event)
      world.publish('good')

      settle(world)
      const lives = [world.channel.live, ...world.channel.previous]
      const qualities = lives.map((live) => world.qualities.get(live?.seq ?? 0))
      expect(qualities.filter((quality) => quality !== 'good')).toEqual([])
      expect(world.servers.flatMap(({ failed }) => failed)).toEqual([])
    }),
    { numRuns: 500 },
  )
})
