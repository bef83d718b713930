import { type Channel, type Culprit, isPending } from '@drover/model-config'
import {
  type Action as RestarterAction,
  type Command,
  decide,
  describe,
  EMPTY_MEMORY,
  type Limits,
  type Memory,
  nextChannel,
  type Observed,
  remember,
} from '@drover/restarter'
import { checkRequired } from './invariants.ts'
import type { Steps } from './trainer.ts'
import { isoOf, makeUuid, nextId, swapChannel, type World } from './world.ts'

const LIMITS: Limits = {
  beatMs: 5_000,
  takeoverMs: 20_000,
  silentMs: 3_000,
  applyMs: 60_000,
  retryMs: 1_000,
  parallel: 2,
  recycleMs: 120_000,
  recycleAgeMs: 300_000,
  residentBytesMax: undefined,
}

interface Own {
  life: string
  memory: Memory
  commands: Map<string, Command & { id: number }>
}

/** One restarter process, from its start until it is killed. */
export function* restarter(world: World, life: string, urls: readonly string[]): Steps {
  const own: Own = { life, memory: EMPTY_MEMORY, commands: new Map() }
  world.mailboxes.set(life, [])
  for (;;) {
    world.nudges.rollout = 0
    const observed = yield* observe(world, own, urls)
    const { action } = decide(observed)
    yield action === undefined ? 'idle' : 'step'
    if (action !== undefined) act(world, own, observed, action)
  }
}

function* observe(world: World, own: Own, urls: readonly string[]): Steps<Observed> {
  const { channel } = world
  yield 'look'
  readMail(world, own)
  const commands = new Map(own.commands)
  const states = new Map<string, Observed['servers'][number]['state']>()
  for (const url of urls) {
    states.set(url, world.states.get(url))
    yield 'look'
  }
  const sight = {
    now: world.now,
    holder: own.life,
    channel,
    states,
    commands,
    silentMs: LIMITS.silentMs,
  }
  own.memory = remember(own.memory, sight)
  return {
    now: world.now,
    at: isoOf(world),
    holder: own.life,
    instance: undefined,
    away: undefined,
    channel,
    held: heldBy(world, channel),
    fault: undefined,
    limits: LIMITS,
    ...describe(own.memory, sight),
  }
}

/** Known culprits that the candidate still holds. */
function heldBy(world: World, channel: Channel | undefined): readonly Culprit[] {
  if (channel?.candidate === undefined || !isPending(channel)) return []
  const models = world.configs.get(channel.candidate.sha) ?? {}
  return channel.rejected
    .flatMap(({ culprits }) => culprits)
    .filter(({ name, version, digest }) =>
      models[name]?.versions.some((each) => each.version === version && each.manifest === digest),
    )
}

function readMail(world: World, own: Own): void {
  for (const { id, url, outcome, failed } of world.mailboxes.get(own.life)?.splice(0) ?? []) {
    const command = own.commands.get(url)
    if (command?.id !== id) continue
    own.commands.set(url, { ...command, outcome, failed, endedAt: world.now })
  }
}

function act(world: World, own: Own, observed: Observed, action: RestarterAction): void {
  const { channel } = observed
  if (action.kind === 'write') {
    if (channel === undefined) return
    const { live } = action.change
    if (live !== undefined)
      checkRequired(
        observed.servers.map(({ state }) => state),
        live,
      )
    const isMoved = swapChannel(
      world,
      channel.seq,
      nextChannel(channel, action.change, makeUuid(world)),
    )
    if (isMoved && (action.what === 'reject' || action.what === 'live')) {
      world.nudges.publish.push(undefined)
    }
    return
  }
  if (action.kind === 'recycle') {
    const { sha, seq } = channel?.rollout ?? { sha: '', seq: 0 }
    send(world, own, observed, { kind: 'recycle', url: action.url, sha, seq, ...common(action) })
    return
  }
  for (const { url, sha, seq } of action.tell) {
    send(world, own, observed, { kind: 'apply', url, sha, seq, ...common(action) })
  }
}

const common = (action: Exclude<RestarterAction, { kind: 'write' }>) => ({
  fence: action.fence,
  offered: action.kind === 'apply' && action.offered,
})

interface Sent {
  kind: 'apply' | 'recycle'
  url: string
  sha: string
  seq: number
  fence: number
  offered: boolean
}

function send(world: World, own: Own, observed: Observed, sent: Sent): void {
  const { kind, url, sha, seq, fence, offered } = sent
  const id = nextId(world)
  const state = observed.servers.find((server) => server.url === url)?.state
  const before = own.commands.get(url)
  const isSame = before?.sha === sha && before.seq === seq
  const recycles = state?.recycles ?? 0
  own.commands.set(url, {
    ...{ id, kind, sha, seq, fence, offered, recycles },
    at: world.now,
    since: isSame ? before.since : world.now,
    startedAt: state?.startedAt,
    outcome: 'pending',
    endedAt: undefined,
    failed: [],
    message: undefined,
  })
  const letter = { id, from: own.life, kind, fence, ref: { sha, seq }, recycles }
  if (world.states.has(url)) world.inboxes.get(url)?.push(letter)
  else world.mailboxes.get(own.life)?.push({ id, url, outcome: 'lost', failed: [] })
}
