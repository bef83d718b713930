import { endServer } from './agent.ts'
import type { Deed } from './client.ts'
import { CLUSTER_EVENTS } from './controller.ts'
import type { Fleet } from './fleet.ts'
import {
  openPlay,
  type Cast,
  type Given,
  type Play,
  playRound,
  type Process,
  settle,
  tally,
} from './history.ts'
import { advance, hasTrouble, type Nudges, type Troubles, type World } from './world.ts'

const TICKS_MS = [20, 100, 500, 1_000, 3_000, 6_000, 21_000, 61_000] as const
/** A process that stands still matters most when somebody else takes its place. */
const STOPS_MS = [500, 6_000, 21_000, 61_000] as const
const SLEEP_ROUND_MS = 3_000
const DAY_MS = 24 * 3_600_000
const STEPS = [1, 1, 1, 2, 2, 4, 8, 20] as const

const pick = <T>(choices: readonly [T, ...T[]], number: number): T =>
  choices[number % choices.length] ?? choices[0]

type Happening = (play: Play, process: Process, rest: number) => void

const step: Happening = ({ world }, { id, body }, rest) => {
  if (hasTrouble(world, 'stopped', id)) return
  for (let steps = pick(STEPS, rest); steps > 0; steps--) {
    tally.steps += 1
    if (body.next().value === 'idle') return
  }
}

const tick: Happening = ({ world }, _process, rest) => advance(world, pick(TICKS_MS, rest))

/** kill -9: what it knew is gone, letters to it are lost, and its next life begins. */
export const kill: Happening = ({ world }, process) => {
  const { id, kind, life } = process
  // Requests of clients come one by one and are repeated until they are answered.
  if (kind === 'client') return
  if (process.fleet !== undefined && kind === 'server') killServer(process.fleet, id)
  world.alive.delete(`${id}#${life}`)
  world.mailboxes.delete(`${id}/${id}#${life}`)
  process.life += 1
  const next = `${id}#${process.life}`
  world.alive.add(next)
  process.body = process.start(next)
}

function killServer({ known, world }: Fleet, url: string): void {
  const agent = world.agents.get(url)
  const letters = [...(agent?.pending ?? []), ...(world.inboxes.get(url)?.splice(0) ?? [])]
  for (const { id, from } of letters) {
    world.mailboxes.get(from)?.push({ id, url, outcome: 'lost', failed: [] })
  }
  world.agents.delete(url)
  known.excuses += 1
}

/** What is the matter with a server may bring another one into the place of the canary. */
function excuse({ kind, fleet }: Process): void {
  if (kind === 'server' && fleet !== undefined) fleet.known.excuses += 1
}

/** Something is the matter with a process for a while, during which it may go on or not. */
const trouble =
  (kind: keyof Troubles): Happening =>
  ({ world }, process, rest) => {
    if (kind === 'cut' ? process.kind !== 'server' : process.kind === 'client') return
    const ms = pick(kind === 'stopped' ? STOPS_MS : TICKS_MS, rest)
    world.troubles[kind].set(process.id, world.now + ms)
    excuse(process)
  }

/** A process stands still, and the others go on for as long as nothing is left to do for them. */
const sleep: Happening = (play, process, rest) => {
  trouble('stopped')(play, process, rest)
  const { world } = play
  const end = world.troubles.stopped.get(process.id) ?? 0
  while (world.now < end) {
    playRound(play)
    advance(world, SLEEP_ROUND_MS)
  }
}

const crash: Happening = ({ world }, process) => {
  const agent = world.agents.get(process.id)
  if (agent === undefined) return
  endServer(world, agent)
  excuse(process)
}

/** One of the nudges that wait is lost, doubled, or comes later. */
const nudge =
  (happens: (nudges: Nudges, queue: 'train' | 'publish', world: World, rest: number) => void) =>
  ({ world }: Play, _process: Process, rest: number): void =>
    happens(world.nudges, rest % 2 === 0 ? 'train' : 'publish', world, rest)

/** What can happen, with how many of a hundred numbers bring it about. */
const EVENTS: readonly [number, Happening][] = [
  [74, step],
  [8, tick],
  [4, kill],
  [1, crash],
  [1, trouble('stopped')],
  [1, sleep],
  [2, trouble('cut')],
  [2, trouble('away')],
  [2, nudge((nudges, queue) => void nudges[queue].shift())],
  [
    1,
    nudge(({ train, publish }, queue) => {
      if (queue === 'train') train.push(...train.slice(0, 1))
      else publish.push(...publish.slice(0, 1))
    }),
  ],
  [
    2,
    nudge((nudges, queue, world, rest) => {
      const at = world.now + pick(TICKS_MS, rest)
      const train = queue === 'train' ? nudges.train.splice(0) : []
      const publish = queue === 'publish' ? nudges.publish.splice(0) : []
      nudges.late.push({ at, train, publish })
    }),
  ],
  // Redis comes back empty.
  [1, ({ world }) => void (world.nudges = { train: [], publish: [], late: [] })],
  [1, ({ world }) => void (world.loseNextAnswer = true)],
]

/** A server is switched off with all that it knows, and goes on after a day. */
const dayOff: Happening = (play, process, rest) => {
  if (process.kind !== 'server') return
  const { world } = play
  const end = world.now + DAY_MS
  world.troubles.stopped.set(process.id, end)
  excuse(process)
  // Somebody may do something on that day, of which the others have the rest to carry it out.
  for (let ms = pick(TICKS_MS, rest); world.now < end; ms *= 2) {
    playRound(play)
    advance(world, Math.min(ms, end - world.now))
  }
}

/** What a person asks of a whole fleet, or of a tenant, in the middle of whatever goes on. */
const ask =
  (deedOf: (rest: number) => Deed): Happening =>
  ({ deeds }, _process, rest) =>
    void deeds.push(deedOf(rest))

const TENANTS = ['a', 'b', 'c'] as const

/** What happens now and then; the numbers of these came later, so that older ones mean the same. */
const RARE: readonly [Happening, ...Happening[]] = [
  dayOff,
  ask((rest) => ({ kind: 'undo', back: rest % 3, fleet: Math.floor(rest / 3) })),
  ask((rest) => ({ kind: 'restart', fleet: rest })),
  ask((rest) => ({ kind: 'release', tenant: pick(TENANTS, rest) })),
]
/** Where there are two fleets, tenants may move besides, and do so more often than all else. */
const RARE_OF_TWO: typeof RARE = [
  ...RARE,
  ...RARE.map(() => ask((rest) => ({ kind: 'move', tenant: pick(TENANTS, rest) }))),
]
/** Numbers below it are of every day. */
export const RARE_FROM = 1_000_000
/** Of so many numbers one is rare. */
const RARE_NUMBERS = 30_000
/** Numbers from here on are of a cluster, where there is one. */
const CLUSTER_FROM = RARE_FROM + RARE_NUMBERS
const CLUSTER_NUMBERS = 40_000
export const NUMBER_MAX = CLUSTER_FROM + CLUSTER_NUMBERS

/** Turns one number of a history into one event. */
export function happen(play: Play, number: number): void {
  const { processes } = play
  const { fleets } = play.world
  if (number >= CLUSTER_FROM) {
    const event = CLUSTER_EVENTS[(number - CLUSTER_FROM) % CLUSTER_EVENTS.length]
    const count = Math.floor((number - CLUSTER_FROM) / CLUSTER_EVENTS.length)
    const fleet = fleets[count % fleets.length]
    if (fleet?.cluster !== undefined)
      event?.(fleet, fleet.cluster, Math.floor(count / fleets.length))
    return
  }
  if (number >= RARE_FROM) {
    const which = Math.floor((number - RARE_FROM) / processes.length)
    const one = processes[(number - RARE_FROM) % processes.length]
    const rare = fleets.length > 1 ? RARE_OF_TWO : RARE
    if (one !== undefined) pick(rare, which)(play, one, Math.floor(which / rare.length))
    return
  }
  const rest = Math.floor(number / 100)
  const process = processes[rest % processes.length]
  let left = number % 100
  for (const [share, event] of EVENTS) {
    if (left < share && process !== undefined) {
      event(play, process, Math.floor(rest / processes.length))
      return
    }
    left -= share
  }
}

/** Plays a whole history and gives what is wrong with it; undefined: nothing. */
export function playHistory(
  cast: Cast,
  history: readonly number[],
  plans?: Given['plans'],
): string | undefined {
  let at = 0
  const next = () => history[at++] ?? 0
  // When the history is over, so is bad luck.
  const draw = (count: number) => (at < history.length ? next() % count : count - 1)
  try {
    const play = openPlay(cast, { draw, ...(plans && { plans }) })
    while (at < history.length) happen(play, next())
    return settle(play)
  } catch (error) {
    if (error instanceof Error && error.name === 'AssertionError') return error.message
    throw error
  }
}
