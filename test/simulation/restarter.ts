import { type Channel, type Culprit, isPending, type ServerState } from '@drover/model-config'
import {
  type Action,
  type Command,
  describe,
  EMPTY_MEMORY,
  LIMITS,
  type Limits,
  type Memory,
  newCommand,
  nextChannel,
  type Observed,
  type Order,
  remember,
} from '@drover/restarter'
import { stateOf } from './agent.ts'
import { addressesIn, sendPatch, touch } from './cluster.ts'
import { type ClusterSight, lookAtCluster, makeSight } from './cluster-sight.ts'
import { configOf, type Fleet } from './fleet.ts'
import { deliver } from './server.ts'
import { swapChannel } from './store.ts'
import { hasTrouble, isoOf, makeUuid, nextId, type Seen, type Steps, type World } from './world.ts'

const CLOCK_STEP_MS = 0.001

const SIM_LIMITS: Limits = { ...LIMITS, recycleAgeMs: 300_000, rollMs: 300_000 }

interface Own {
  id: string
  holder: string
  /** A name kept over lives, so that a rollout of an earlier life is taken over at once. */
  instance: string | undefined
  memory: Memory
  commands: Map<string, Command & { id: number }>
  /** A clock that stands still while the store is away. */
  /** What the last look saw of the Deployment. */
  sight: ClusterSight
  clock: { offset: number; lastLook: number; awaySince: number | undefined; reads: number }
}

/** One restarter process, from its start until it is killed. */
export function* restarter(fleet: Fleet, life: string, isNamed: boolean): Steps {
  const { world } = fleet
  const id = life.slice(0, life.indexOf('#'))
  const instance = isNamed ? id : undefined
  const clock = { offset: 0, lastLook: world.now, awaySince: undefined, reads: 0 }
  const holder = `${id}/${life}`
  const known = { sight: makeSight(), clock }
  const own: Own = {
    id,
    holder,
    instance,
    memory: EMPTY_MEMORY,
    commands: new Map(),
    ...known,
  }
  world.mailboxes.set(holder, [])
  for (;;) {
    const observed = yield* observe(fleet, own)
    const { action } = world.plans.decide(observed)
    if (action === undefined) world.rest(() => summaryOf(own))
    yield action === undefined ? 'idle' : 'step'
    if (action !== undefined) yield* carryOut(fleet, own, observed, action)
  }
}

/** No two readings of a monotonic clock are the same. */
function timeOf(world: World, { clock }: Own): number {
  clock.reads += 1
  return (clock.awaySince ?? world.now) - clock.offset + clock.reads * CLOCK_STEP_MS
}

/** Whether the store can be had; no deadline runs while it cannot. */
function readStore(world: World, { id, clock }: Own): boolean {
  if (hasTrouble(world, 'away', id)) {
    clock.awaySince ??= clock.lastLook
    return false
  }
  if (clock.awaySince !== undefined) clock.offset += world.now - clock.awaySince
  clock.awaySince = undefined
  clock.lastLook = world.now
  return true
}

/** All that it remembers, but for the times. */
function summaryOf({ memory, commands }: Own): string {
  const { beat, rollout, tookOver, silent, last, losses } = memory
  return JSON.stringify([
    [beat?.holder, beat?.beat, rollout?.seq, rollout?.holder, rollout?.kind, tookOver],
    [[...silent.keys()], [...last], losses.map(({ url }) => url)],
    Array.from(commands, ([url, { seq, fence, outcome }]) => [url, seq, fence, outcome]),
  ])
}

function* observe(fleet: Fleet, own: Own): Steps<Observed> {
  const { world } = fleet
  const seen = yield* lookAtCluster(fleet, own.sight)
  const isThere = readStore(world, own)
  const channel = isThere ? fleet.channel : undefined
  own.sight.rollout = channel?.rollout
  world.saw(channel?.seq ?? -1)
  const held = heldBy(fleet, channel)
  yield 'look'
  readMail(world, own)
  const commands = new Map(own.commands)
  const states = new Map<string, ServerState | undefined>()
  for (const url of addressesIn(fleet)) {
    states.set(url, stateOf(world, url))
    world.saw(world.agents.get(url)?.stamp ?? -1)
    yield 'look'
  }
  const { holder, instance } = own
  const now = timeOf(world, own)
  const { silentMs } = SIM_LIMITS
  const sight = { now, holder, channel, states, commands, silentMs, ...seen }
  if (isThere) own.memory = remember(own.memory, sight)
  return {
    now,
    at: isoOf(world),
    holder,
    instance,
    away: isThere ? undefined : 'the store does not answer',
    channel,
    held,
    fault: undefined,
    delivery: fleet.cluster?.delivery ?? 'reload',
    closedUntil: undefined,
    limits: SIM_LIMITS,
    ...describe(own.memory, sight),
  }
}

/** Known culprits that the candidate still holds. */
function heldBy(fleet: Fleet, channel: Channel | undefined): readonly Culprit[] {
  if (channel?.candidate === undefined || channel.rollout !== undefined) return []
  if (channel.rejected.length === 0 || !isPending(channel)) return []
  const models = configOf(fleet, channel.candidate)
  return channel.rejected
    .flatMap(({ culprits }) => culprits)
    .filter(({ name, version, digest }) =>
      models[name]?.versions.some((each) => each.version === version && each.manifest === digest),
    )
}

function readMail(world: World, own: Own): void {
  const { holder, commands } = own
  for (const { id, url, outcome, failed } of world.mailboxes.get(holder)?.splice(0) ?? []) {
    const command = commands.get(url)
    world.saw(command?.id === id ? command.fence : -1)
    if (command?.id !== id) continue
    commands.set(url, { ...command, outcome, failed, endedAt: timeOf(world, own) })
  }
}

function* carryOut(fleet: Fleet, own: Own, observed: Observed, action: Action): Steps {
  const { world, name } = fleet
  const channel = act(fleet, own, observed, action)
  world.saw(channel?.seq ?? -1)
  if (channel === undefined || action.kind !== 'write') return
  if (action.what === 'take' || action.what === 'step') {
    yield 'step'
    // What a step stands for follows it with no look in between: only the channel has moved.
    const { now } = observed
    const moved = { ...observed, channel, beatSince: now, rolloutSince: now }
    const next = world.plans.decide(moved).action
    if (next?.kind === 'apply') act(fleet, own, moved, next)
  }
  if (action.what === 'reject' || action.what === 'live') {
    yield 'step'
    world.nudges.publish.push({ fleet: name })
  }
}

/** What the channel is now, if it was moved. */
function act(fleet: Fleet, own: Own, observed: Observed, action: Action): Channel | undefined {
  const { world } = fleet
  const { channel } = observed
  switch (action.kind) {
    case 'write':
      return write(fleet, own, observed, action)
    case 'patch':
      sendPatch(fleet, {
        from: own.holder,
        pair: action.pair,
        resourceVersion: Number(action.resourceVersion),
      })
      return undefined
    case 'touch':
      touch(fleet, own.holder, action.fence)
      return undefined
    case 'recycle': {
      const { url, fence, recycles } = action
      const { sha, seq } = channel?.rollout ?? { sha: '', seq: 0 }
      send(world, own, observed, 'recycle', { url, sha, seq, fence, offered: false, recycles })
      return undefined
    }
    case 'apply': {
      const { fence, offered } = action
      for (const { url, sha, seq } of action.tell) {
        const { recycles = 0 } = stateIn(observed, url) ?? {}
        send(world, own, observed, 'apply', { url, sha, seq, fence, offered, recycles })
      }
      return undefined
    }
  }
}

function write(
  fleet: Fleet,
  own: Own,
  observed: Observed,
  action: Extract<Action, { kind: 'write' }>,
): Channel | undefined {
  const { channel } = observed
  const { world } = fleet
  if (channel === undefined || hasTrouble(world, 'away', own.id)) return undefined
  if (fleet.channel?.seq === channel.seq) check(fleet, observed, channel, action)
  const next = nextChannel(channel, action.change, makeUuid(world))
  return swapChannel(fleet, channel.seq, next) ? next : undefined
}

const stateIn = ({ servers }: Observed, url: string): ServerState | undefined =>
  servers.find((server) => server.url === url)?.state

function check(
  fleet: Fleet,
  observed: Observed,
  channel: Channel,
  action: Extract<Action, { kind: 'write' }>,
): void {
  const { world } = fleet
  const { live } = action.change
  if (live !== undefined) world.check.liveMoved(fleet, seenIn(observed, live), live, channel)
  else if (channel.rollout !== undefined && nextOf(channel, action) === undefined) {
    world.check.released(fleet, seenIn(observed, channel.rollout), channel)
  }
}

const nextOf = (channel: Channel, { change }: Extract<Action, { kind: 'write' }>) =>
  'rollout' in change ? change.rollout : channel.rollout

/** What there was to see, whatever the plan made of it. */
function seenIn(
  { servers, deployment, now, limits }: Observed,
  { sha, seq }: { sha: string; seq: number },
): Seen {
  return {
    deployment: deployment.kind === 'seen' ? deployment : undefined,
    servers: servers.flatMap(({ state, command }) => {
      if (state === undefined) return []
      const isTold = command?.sha === sha && command.seq === seq
      const holds = state.config?.sha === sha && state.config.seq === seq
      const hasRefused =
        isTold && !holds && command.outcome === 'refused' && command.startedAt === state.startedAt
      const isLate = command !== undefined && now - command.since > limits.applyMs
      return [{ state, isImpaired: state.impaired !== undefined || hasRefused, isLate }]
    }),
  }
}

function send(
  world: World,
  own: Own,
  observed: Observed,
  kind: Command['kind'],
  order: Order,
): void {
  const { url, sha, seq, fence, recycles } = order
  const id = nextId(world)
  const sent = {
    at: timeOf(world, own),
    state: stateIn(observed, url),
    before: own.commands.get(url),
  }
  own.commands.set(url, { ...newCommand(order, kind, sent), id })
  deliver(world, url, { id, from: own.holder, kind, fence, ref: { sha, seq }, recycles })
}
