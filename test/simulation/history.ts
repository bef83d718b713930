import { client, type Deed } from './client.ts'
import { makeChecker, whatIsOpen } from './invariants.ts'
import { publisher } from './publisher.ts'
import { restarter } from './restarter.ts'
import { server } from './server.ts'
import { type Steps, trainer } from './trainer.ts'
import { stateUrl, type World } from './world.ts'

const SETTLE_ROUNDS_MAX = 2_000
const STEPS_IN_A_ROUND_MAX = 400
const TICKS_MS = [20, 100, 500, 1_000, 3_000, 6_000, 21_000, 61_000]
const ROUND_MS = 500

/** Who runs: so many of each, and what the clients do. */
export interface Cast {
  trainers: number
  publishers: number
  restarters: number
  servers: number
  deeds: readonly Deed[]
}

/** A process: its place in the cast, and its present life. */
export interface Process {
  id: string
  life: number
  isClient: boolean
  start: (life: string) => Steps
  body: Steps
}

/** A running history. */
export interface Play {
  world: World
  processes: Process[]
  urls: string[]
  kill: (process: Process) => void
  deeds: Deed[]
}

/** Sets a stage. `draw` decides whatever is left to chance. */
export function openPlay(cast: Cast, draw: World['draw']): Play {
  const urls = Array.from({ length: cast.servers }, (_, index) => stateUrl(index))
  const world: World = {
    now: 0,
    tenants: new Map(),
    controls: new Map(),
    versions: new Map(),
    runs: new Map(),
    channel: undefined,
    configs: new Map(),
    nudges: { train: [], publish: [], rollout: 0 },
    disks: new Map(),
    states: new Map(),
    serving: new Map(),
    confirmed: new Set(),
    inboxes: new Map(urls.map((url) => [url, []])),
    mailboxes: new Map(),
    alive: new Set(),
    draw,
    counter: 0,
    loseNextAnswer: false,
    check: makeChecker(),
  }
  const many = (count: number, id: string, start: Process['start'], isClient = false): Process[] =>
    Array.from({ length: count }, (_, index) => launch(world, `${id}-${index}`, start, isClient))
  const deeds = [...cast.deeds]
  const processes = [
    ...many(1, 'client', () => client(world, deeds), true),
    ...many(cast.trainers, 'trainer', (life) => trainer(world, life)),
    ...many(cast.publishers, 'publisher', () => publisher(world)),
    ...many(cast.restarters, 'restarter', (life) => restarter(world, life, urls)),
    ...urls.map((url) => launch(world, url, () => server(world, url), false)),
  ]
  return { world, processes, urls, deeds, kill: (process) => kill(world, process) }
}

function launch(world: World, id: string, start: Process['start'], isClient: boolean): Process {
  world.alive.add(`${id}#0`)
  return { id, life: 0, isClient, start, body: start(`${id}#0`) }
}

/** kill -9: what it knew is gone, letters to it are lost, and its next life begins. */
function kill(world: World, process: Process): void {
  const life = `${process.id}#${process.life}`
  world.alive.delete(life)
  world.mailboxes.delete(life)
  const letters = world.inboxes.get(process.id)?.splice(0) ?? []
  for (const { id, from } of letters) {
    world.mailboxes.get(from)?.push({ id, url: process.id, outcome: 'lost', failed: [] })
  }
  if (world.states.delete(process.id)) world.serving.delete(process.id)
  process.life += 1
  const next = `${process.id}#${process.life}`
  world.alive.add(next)
  process.body = process.start(next)
}

const isMaker = ({ id }: Process): boolean => /^(client|trainer)-/.test(id)

/** Lets clients and trainers alone go on, until a new version waits for the publisher. */
export function playOn({ world, processes, deeds }: Play, deed: Deed): void {
  deeds.push(deed)
  for (let steps = 0; steps < STEPS_IN_A_ROUND_MAX; steps++) {
    for (const { body } of processes.filter(isMaker)) body.next()
    if (world.nudges.publish.length > 0) return
  }
  throw new Error('no version was made')
}

const STEPS_AT_ONCE = 20

/** What can happen, with how many of a hundred numbers bring it about. */
const EVENTS: readonly [number, (play: Play, process: Process, rest: number) => void][] = [
  [80, (_play, { body }) => void body.next()],
  [8, ({ world }, _process, rest) => void (world.now += TICKS_MS[rest % TICKS_MS.length] ?? 0)],
  [4, (play, process) => void (process.isClient || play.kill(process))],
  // Redis loses a nudge, doubles one, or comes back empty.
  [2, ({ world }) => void world.nudges.train.shift()],
  [1, ({ world }) => void world.nudges.publish.shift()],
  [1, ({ world: { nudges } }) => void nudges.train.push(...nudges.train.slice(0, 1))],
  [1, ({ world: { nudges } }) => void nudges.publish.push(...nudges.publish.slice(0, 1))],
  [1, ({ world }) => void (world.nudges = { train: [], publish: [], rollout: 0 })],
  [1, ({ world }) => void (world.loseNextAnswer = true)],
  [
    1,
    (_play, { body }) => {
      for (let steps = 0; steps < STEPS_AT_ONCE; steps++) body.next()
    },
  ],
]

/** Turns one number of a history into one event. */
export function happen(play: Play, number: number): void {
  const rest = Math.floor(number / 100)
  const process = play.processes[rest % play.processes.length]
  let left = number % 100
  for (const [share, event] of EVENTS) {
    if (left < share && process !== undefined) {
      event(play, process, rest)
      return
    }
    left -= share
  }
}

/**
 * Ends the faults: everybody runs in turn and time passes. Gives what is still open in the end, or
 * undefined when everything converged.
 */
export function settle({ world, processes, urls }: Play): string | undefined {
  world.loseNextAnswer = false
  let open: string | undefined = 'nothing happened yet'
  for (let round = 0; round < SETTLE_ROUNDS_MAX && open !== undefined; round++) {
    for (const { body } of processes) {
      for (let steps = 0; steps < STEPS_IN_A_ROUND_MAX; steps++) {
        if (body.next().value === 'idle') break
      }
    }
    world.now += ROUND_MS
    open = whatIsOpen(world, urls)
  }
  return open
}

/** Plays a whole history and gives what is wrong in the end; throws when an invariant breaks. */
export function playHistory(cast: Cast, history: readonly number[]): string | undefined {
  let at = 0
  const next = () => history[at++] ?? 0
  const play = openPlay(cast, (count) => next() % count)
  while (at < history.length) happen(play, next())
  return settle(play)
}
