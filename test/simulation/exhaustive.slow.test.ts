import { expect, test } from 'vitest'
import { kill } from './events.ts'
import { settle } from './history.ts'
import { replay, type Troupe, walkAll } from './walk.ts'

const STATES_MAX = 10_000
/** Fewer states would mean that somebody never did anything. */
const STATES_MIN = 500
/** With more states than this, one kill in each has to do: of each process in turn. */
const STATES_WITH_ALL_KILLS_MAX = 1_500
const TWO: Troupe = { publishers: 1, restarters: 1, servers: 2 }

// Two restarters, and a version that breaks on the second server, have more than 30,000 states each
// and are left to random histories.
const WALKS: [string, Troupe][] = [
  ['a good version to two servers', TWO],
  ['a good version to three servers', { ...TWO, servers: 3 }],
  ['a good version by two publishers', { ...TWO, publishers: 2 }],
  ['a good version to one server by a roll', { ...TWO, servers: 1, cluster: 'restart' }],
  ['a version that is broken', { ...TWO, fate: (urls) => ({ brokenOn: urls }) }],
  ['a version that ends the first model server', { ...TWO, fate: () => ({ kills: 1 }) }],
]

test.each(WALKS)(
  '%s goes right in every interleaving, whoever is killed at whatever point',
  {
    timeout: 300_000,
  },
  (_name, troupe) => {
    const ways = walkAll(troupe, STATES_MAX)

    let kills = 0
    for (const [at, way] of ways.entries()) {
      // The first is the client, which is never killed: that is the way without a kill.
      const all = [...replay(troupe, way).processes.keys()]
      const some = ways.length > STATES_WITH_ALL_KILLS_MAX ? [at % all.length] : all
      for (const index of some) {
        const play = replay(troupe, way)
        const process = play.processes[index]
        if (process !== undefined) kill(play, process, 0)
        const open = settle(play)
        expect(open, `${process?.id} killed after ${JSON.stringify(way)}`).toBeUndefined()
        kills += 1
      }
    }
    process.stdout.write(`${ways.length} states, ${kills} kills\n`)
    expect(ways.length).toBeGreaterThan(STATES_MIN)
    expect(ways.length).toBeLessThan(STATES_MAX)
  },
)
