import { CHECKER } from './checks.ts'
import { client, type Deed } from './client.ts'
import { makeCluster } from './cluster.ts'
import { controller, place } from './controller.ts'
import { whatIsOpen } from './convergence.ts'
import { type Plans, REAL } from './plans.ts'
import { publisher } from './publisher.ts'
import { restarter } from './restarter.ts'
import { server } from './server.ts'
import { trainer } from './trainer.ts'
import {
  advance,
  copyStored,
  emptyWorld,
  type Fate,
  hasTrouble,
  type Steps,
  type World,
} from './world.ts'

/** How many steps the processes of all histories have taken. */
export const tally = { steps: 0 }

const SETTLE_ROUNDS_MAX = 200
const STEPS_IN_A_ROUND_MAX = 400
const ROUND_MS = 500
/** Below the time after which a rollout is taken over. */
const ROUND_MS_MAX = 4_000
/** When no rollout waits for a sign of life. */
const QUIET_MS_MAX = 30_000

/** Who runs: so many of each, and what the clients do. */
export interface Cast {
  trainers: number
  publishers: number
  restarters: number
  servers: number
  /** Restarters keep a name over their lives, as a supervisor gives them. */
  named: boolean
  /** Tenants a and b are served already, and every process has just been restarted. */
  settled: boolean
  /** They are pods, and this is how a config comes to them; no Kubernetes unless told. */
  cluster?: 'reload' | 'restart'
  deeds: readonly Deed[]
}

/** A process: its place in the cast, and its present life. */
export interface Process {
  id: string
  kind: 'client' | 'trainer' | 'publisher' | 'restarter' | 'server' | 'controller'
  life: number
  start: (life: string) => Steps
  body: Steps
}

/** A running history. */
export interface Play {
  world: World
  processes: Process[]
  deeds: Deed[]
}

/** What is left to chance, and which plans are followed. */
export interface Given {
  draw: World['draw']
  plans?: Plans
  fateOf?: World['fateOf']
}

/** Where pods may come to, besides those that there are. */
const PLACES_MORE = 2

const urlsOf = (servers: number): string[] =>
  Array.from({ length: servers }, (_, index) => `http://server-${index}`)

/** Out of a hundred: versions that break everywhere, on one server, or that end model servers. */
const BROKEN = 14
const BROKEN_ON_ONE = 7
const KILLS = 5

/** What becomes of a version by chance. */
function drawFate({ draw, urls, cluster }: World): Fate {
  const gate = draw(4) > 0
  const outcome = draw(100)
  const one = urls[draw(urls.length)] ?? ''
  if (outcome < BROKEN) return { gate, brokenOn: urls, kills: 0 }
  // Pods move: one that never gets ready at an address would keep every roll from its end.
  const only = cluster === undefined ? [one] : []
  if (outcome < BROKEN + BROKEN_ON_ONE) return { gate, brokenOn: only, kills: 0 }
  const kills = outcome < BROKEN + BROKEN_ON_ONE + KILLS ? 1 + draw(2) : 0
  return { gate, brokenOn: [], kills }
}

/** Sets a stage. */
export function openPlay(cast: Cast, { draw, plans = REAL, fateOf = drawFate }: Given): Play {
  const given = { draw, plans, fateOf }
  const world = cast.settled
    ? copyStored(settledWorld(cast.servers), given)
    : emptyWorld(urlsOf(cast.servers), { ...given, check: CHECKER })
  if (cast.cluster !== undefined) {
    const urls = urlsOf(cast.servers + PLACES_MORE)
    const inboxes = new Map(urls.map((url) => [url, []]))
    const of = { delivery: cast.cluster, replicas: cast.servers }
    Object.assign(world, { urls, inboxes, cluster: makeCluster(urls, of) })
  }
  return launchAll(world, cast)
}

function launchAll(world: World, cast: Cast): Play {
  const deeds = [...cast.deeds]
  const many = (count: number, kind: Process['kind'], start: Process['start']): Process[] =>
    Array.from({ length: count }, (_, index) => launch(world, `${kind}-${index}`, kind, start))
  const processes = [
    ...many(1, 'client', () => client(world, deeds)),
    ...many(cast.trainers, 'trainer', (life) => trainer(world, life)),
    ...many(cast.publishers, 'publisher', () => publisher(world)),
    ...many(cast.restarters, 'restarter', (life) => restarter(world, life, cast.named)),
    ...world.urls.map((url) => launch(world, url, 'server', () => serverAt(world, url))),
    ...(world.cluster === undefined ? [] : many(1, 'controller', () => controller(world))),
  ]
  return { world, processes, deeds }
}

const serverAt = (world: World, url: string): Steps =>
  world.cluster === undefined ? server(world, url) : place(world, url, () => server(world, url))

function launch(world: World, id: string, kind: Process['kind'], start: Process['start']): Process {
  world.alive.add(`${id}#0`)
  return { id, kind, life: 0, start, body: start(`${id}#0`) }
}

/** Everything that is drawn turns out well. */
export const LUCKY: Given = { draw: (count) => count - 1 }

const SETTLED = new Map<number, World>()

/** A fleet that serves the second versions of the tenants a and b. All of it went well. */
function settledWorld(servers: number): World {
  const known = SETTLED.get(servers)
  if (known !== undefined) return known
  const one = { trainers: 1, publishers: 1, restarters: 1, servers, named: false, settled: false }
  const play = openPlay({ ...one, deeds: [] }, LUCKY)
  for (const data of [0, 1]) {
    for (const tenant of ['a', 'b']) play.deeds.push({ kind: 'put', tenant, data })
    const open = settle(play)
    if (open !== undefined) throw new Error(`the stage does not settle: ${open}`)
  }
  SETTLED.set(servers, play.world)
  return play.world
}

const isMaker = ({ kind }: Process): boolean => kind === 'client' || kind === 'trainer'

/** Lets clients and trainers alone go on, until a new version waits for the publisher. */
export function playOn({ world, processes, deeds }: Play, deed: Deed): void {
  deeds.push(deed)
  for (let steps = 0; steps < STEPS_IN_A_ROUND_MAX; steps++) {
    for (const { body } of processes.filter(isMaker)) body.next()
    if (world.nudges.publish.length > 0) return
  }
  throw new Error('no version was made')
}

/** Lets everybody who can go on in turn until each has nothing to do now. Whether anybody had. */
export function playRound({ world, processes }: Play): boolean {
  let hasMoved = false
  for (const { id, body } of processes) {
    if (hasTrouble(world, 'stopped', id)) continue
    for (let steps = 0; steps < STEPS_IN_A_ROUND_MAX; steps++) {
      const said = body.next().value
      tally.steps += 1
      if (said === 'idle') break
      if (said === 'step') hasMoved = true
    }
  }
  return hasMoved
}

function endFaults({ troubles, nudges, cluster, ...world }: World): void {
  for (const patch of cluster?.late ?? []) patch.at = world.now
  troubles.stopped.clear()
  troubles.cut.clear()
  troubles.away.clear()
  for (const late of nudges.late) late.at = world.now
}

/**
 * Ends the faults: everybody runs in turn and time passes. Gives what is still open in the end, or
 * undefined when everything converged.
 */
export function settle(play: Play, onRound: () => void = () => {}): string | undefined {
  const { world } = play
  endFaults(world)
  world.loseNextAnswer = false
  let open: string | undefined = 'nothing happened yet'
  let ms = ROUND_MS
  for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
    const msMax = world.channel?.rollout === undefined ? QUIET_MS_MAX : ROUND_MS_MAX
    ms = playRound(play) ? ROUND_MS : Math.min(ms * 2, msMax)
    open = whatIsOpen(world)
    onRound()
    if (open === undefined) return undefined
    advance(world, ms)
  }
  return open
}
