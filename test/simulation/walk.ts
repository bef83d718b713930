import { mainOf } from './fleet.ts'
import {
  type Cast,
  LUCKY,
  openPlay,
  type Play,
  type Process,
  playOn,
  playRound,
} from './history.ts'
import type { Fate, World } from './world.ts'

const ROUNDS_MAX = 20

// Walks every interleaving of a publish, step by step. A process cannot be copied half-way, so each
// schedule is run from its start; it ends as soon as it comes to a state that was seen before.

/** Those who take part: for clients and trainers nothing is left to do. */
const isPlayer = ({ kind }: Process): boolean => kind !== 'client' && kind !== 'trainer'

/** What the world says, as counters: what an object says at a count was decided by its writers. */
function countsIn({ fleets, nudges, agents, mailboxes }: World): string {
  let counts = `${nudges.publish.length}`
  for (const { stamp } of agents.values()) counts += ` ${stamp}`
  for (const letters of mailboxes.values()) counts += ` ${letters.length}`
  for (const { channel, cluster } of fleets) {
    counts += ` ${channel?.seq}`
    if (cluster === undefined) continue
    counts += ` ${cluster.resourceVersion} ${[...cluster.pods.keys()].join()}`
  }
  return counts
}

/** How many of each take part in the publish of one version, and what becomes of it. */
export interface Troupe extends Pick<Cast, 'publishers' | 'restarters' | 'servers' | 'cluster'> {
  fate?: (urls: readonly string[]) => Partial<Fate>
}

const GOOD: Fate = { gate: true, brokenOn: [], kills: 0 }

/** A fleet of two tenants that is at rest, and a version that waits for its publication. */
export function openStage(troupe: Troupe): Play {
  const { fate = () => GOOD, ...several } = troupe
  const cast: Cast = { ...several, trainers: 1, named: true, settled: true, deeds: [] }
  const fateOf = (world: World): Fate => ({ ...GOOD, ...fate(mainOf(world).urls) })
  const play = openPlay(cast, { ...LUCKY, fateOf })
  for (let round = 0; round < ROUNDS_MAX && playRound(play); round++) {
    // Everybody starts.
  }
  playOn(play, { kind: 'put', tenant: 'a', data: 3 })
  return play
}

/** Numbers for histories, so that a state is a few of them: what a process saw, after what. */
class Histories {
  readonly #ids = new Map<string, number>()

  after(history: number, seen: string): number {
    const key = `${history} ${seen}`
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#ids.size + 1
    this.#ids.set(key, id)
    return id
  }
}

/** What a process has been through: all of it, and all of it until it last had nothing to do. */
interface Past {
  history: number
  settled: number
  hasActed: boolean
}

/** A schedule on its way. */
class Schedule {
  readonly play: Play
  readonly players: readonly Process[]
  readonly #pasts: Past[]
  readonly #histories: Histories

  constructor(troupe: Troupe, histories: Histories, way: readonly number[]) {
    this.play = openStage(troupe)
    this.players = this.play.processes.filter(isPlayer)
    this.#histories = histories
    this.#pasts = this.players.map(() => ({ history: 0, settled: 0, hasActed: false }))
    for (const place of way) this.step(place)
  }

  step(place: number): void {
    const { world } = this.play
    const [player, past] = [this.players[place], this.#pasts[place]]
    if (player === undefined || past === undefined) return
    let saw = ''
    let memory: string | undefined
    world.saw = (count) => void (saw += ` ${count}`)
    world.rest = (remembered) => void (memory = remembered())
    let said = player.body.next().value
    // Of what is looked at by others than the restarter nothing changes under their eyes.
    while (said === 'look' && player.kind !== 'restarter') said = player.body.next().value
    past.history = this.#histories.after(past.history, saw)
    if (said === 'step') past.hasActed = true
    if (said === 'idle') this.#rest(past, memory)
  }

  /** To have looked and to have seen nothing to do leaves no more than what is remembered. */
  #rest(past: Past, memory: string | undefined): void {
    if (memory !== undefined) past.history = this.#histories.after(0, memory)
    else if (!past.hasActed) past.history = past.settled
    past.settled = past.history
    past.hasActed = false
  }

  key(): string {
    return `${this.#pasts.map(({ history }) => history).join()} ${countsIn(this.play.world)}`
  }
}

/**
 * Walks all states that there are, at most so many. Gives the shortest way to each that was found:
 * the places of those who took the steps.
 */
export function walkAll(troupe: Troupe, statesMax: number): (readonly number[])[] {
  const histories = new Histories()
  const seen = new Set<string>()
  const ways: (readonly number[])[] = [[]]
  const count = new Schedule(troupe, histories, []).players.length
  for (let at = 0; at < ways.length && ways.length < statesMax; at++) {
    const way = ways[at] ?? []
    for (let place = 0; place < count; place++) {
      const schedule = new Schedule(troupe, histories, way)
      schedule.step(place)
      const key = schedule.key()
      if (seen.has(key)) continue
      seen.add(key)
      ways.push([...way, place])
    }
  }
  return ways
}

/** Walks one way again. */
export const replay = (troupe: Troupe, way: readonly number[]): Play =>
  new Schedule(troupe, new Histories(), way).play
