import { CHECKER } from './checks.ts'
import { client, type Deed } from './client.ts'
import { makeCluster } from './cluster.ts'
import { controller, place } from './controller.ts'
import { whatIsOpen } from './convergence.ts'
import { type Fleet, FLEETS, type Stage } from './fleet.ts'
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
  /** A second fleet, and who runs in it. */
  other?: { restarters: number; servers: number }
  /** Restarters keep a name over their lives, as a supervisor gives them. */
  named: boolean
  /** Tenants a and b are served already, b in the second fleet if there is one, and every process has just been restarted. */
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
  /** Of which it is; undefined: it works for all of them. */
  fleet: Fleet | undefined
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

const urlsOf = (prefix: string, servers: number): string[] =>
  Array.from({ length: servers }, (_, index) => `http://${prefix}server-${index}`)

type Crew = Pick<Cast, 'restarters' | 'servers'>

/** Who runs in each fleet, and what their names begin with. */
const crewsOf = (cast: Crew & Pick<Cast, 'other'>): (Crew & { name: string; prefix: string })[] => [
  { name: FLEETS[0], prefix: '', restarters: cast.restarters, servers: cast.servers },
  ...(cast.other === undefined ? [] : [{ name: FLEETS[1], prefix: 'other-', ...cast.other }]),
]

/** Out of a hundred: versions that break everywhere, on one server, or that end model servers. */
const BROKEN = 14
const BROKEN_ON_ONE = 7
const KILLS = 5

/** What becomes of a version by chance. */
function drawFate({ draw, fleets }: World): Fate {
  const gate = draw(4) > 0
  const outcome = draw(100)
  // What is broken in one fleet only may be served by the other.
  const { urls, cluster } = fleets[fleets.length > 1 ? draw(fleets.length) : 0] ?? { urls: [] }
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
    ? copyStored(settledWorld(cast), given)
    : emptyWorld(stagesOf(cast), { ...given, check: CHECKER })
  const { cluster } = cast
  if (cluster !== undefined) {
    for (const [at, { servers, prefix }] of crewsOf(cast).entries()) {
      const fleet = world.fleets[at]
      const urls = urlsOf(prefix, servers + PLACES_MORE)
      for (const url of urls) world.inboxes.set(url, [])
      const of = { delivery: cluster, replicas: servers }
      if (fleet !== undefined) Object.assign(fleet, { urls, cluster: makeCluster(urls, of) })
    }
  }
  return launchAll(world, cast)
}

const stagesOf = (cast: Cast): Stage[] =>
  crewsOf(cast).map(({ name, prefix, servers }) => ({ name, urls: urlsOf(prefix, servers) }))

function launchAll(world: World, cast: Cast): Play {
  const deeds = [...cast.deeds]
  const many = (count: number, kind: Process['kind'], start: Process['start']): Process[] =>
    Array.from({ length: count }, (_, index) =>
      launch(world, { id: `${kind}-${index}`, kind, start }),
    )
  const processes = [
    ...many(1, 'client', () => client(world, deeds)),
    ...many(cast.trainers, 'trainer', (life) => trainer(world, life)),
    ...many(cast.publishers, 'publisher', () => publisher(world)),
    ...crewsOf(cast).flatMap((crew, at) => launchCrew(world.fleets[at], crew, cast)),
  ]
  return { world, processes, deeds }
}

function launchCrew(
  fleet: Fleet | undefined,
  { prefix, restarters }: Crew & { prefix: string },
  { named }: Cast,
): Process[] {
  if (fleet === undefined) return []
  const { world, urls } = fleet
  const ids = Array.from({ length: restarters }, (_, index) => `${prefix}restarter-${index}`)
  const start = (life: string) => restarter(fleet, life, named)
  const processes = [
    ...ids.map((id) => launch(world, { id, kind: 'restarter', fleet, start })),
    ...urls.map((id) =>
      launch(world, { id, kind: 'server', fleet, start: () => serverAt(fleet, id) }),
    ),
  ]
  if (fleet.cluster === undefined) return processes
  const only = { id: `${prefix}controller-0`, kind: 'controller', fleet } as const
  return [...processes, launch(world, { ...only, start: () => controller(fleet) })]
}

const serverAt = (fleet: Fleet, url: string): Steps =>
  fleet.cluster === undefined ? server(fleet, url) : place(fleet, url, () => server(fleet, url))

function launch(
  world: World,
  one: Pick<Process, 'id' | 'kind' | 'start'> & { fleet?: Fleet },
): Process {
  const life = `${one.id}#0`
  world.alive.add(life)
  return { fleet: undefined, ...one, life: 0, body: one.start(life) }
}

/** Everything that is drawn turns out well. */
export const LUCKY: Given = { draw: (count) => count - 1 }

const SETTLED = new Map<string, World>()

/** Fleets that serve the second versions of the tenants a and b. All of it went well. */
function settledWorld({ servers, other }: Cast): World {
  const key = `${servers} ${other?.servers}`
  const known = SETTLED.get(key)
  if (known !== undefined) return known
  const one = { trainers: 1, publishers: 1, restarters: 1, servers, named: false, settled: false }
  const two = other && { other: { ...other, restarters: 1 } }
  const play = openPlay({ ...one, ...two, deeds: [] }, LUCKY)
  for (const data of [0, 1]) {
    for (const [fleet, tenant] of ['a', 'b'].entries()) {
      play.deeds.push({ kind: 'put', tenant, data, fleet })
    }
    const open = settle(play)
    if (open !== undefined) throw new Error(`the stage does not settle: ${open}`)
  }
  SETTLED.set(key, play.world)
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

function endFaults({ troubles, nudges, fleets, now }: World): void {
  for (const { cluster } of fleets) for (const patch of cluster?.late ?? []) patch.at = now
  troubles.stopped.clear()
  troubles.cut.clear()
  troubles.away.clear()
  for (const late of nudges.late) late.at = now
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
    const isBusy = world.fleets.some(({ channel }) => channel?.rollout !== undefined)
    const msMax = isBusy ? ROUND_MS_MAX : QUIET_MS_MAX
    ms = playRound(play) ? ROUND_MS : Math.min(ms * 2, msMax)
    open = whatIsOpen(world)
    onRound()
    if (open === undefined) return undefined
    advance(world, ms)
  }
  return open
}
