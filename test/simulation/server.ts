import type { ConfigEntry, ConfigRef, Culprit, Models } from '@drover/model-config'
import { differenceOf, digestOf } from '@drover/model-config'
import {
  type ChannelView,
  type Observed as AgentObserved,
  plan as planAgent,
} from '@drover/tf-server'
import type { Steps } from './trainer.ts'
import { clockOf, type Disk, isoOf, type Letter, serve, versionsOf, type World } from './world.ts'

const POLL_MS = 5_000
const CACHE_AGE_MS_MAX = 6 * 3_600_000

/** What one life of an agent knows. */
interface Memory {
  url: string
  startedAt: string
  /** When the present model server process started. */
  servingSince: string
  channel: ChannelView
  polledAt: number
  serverUp: boolean
  recycles: number
  serving: ReadonlyMap<string, ConfigEntry>
  confirmed:
    | {
        ref: ConfigRef | undefined
        models: Models
        failed: readonly Culprit[]
        confirmedAt: number
      }
    | undefined
  applying: ConfigRef | undefined
  isOpen: boolean
  /** Commands that wait for an answer: when the server dies, whoever sent them hears of it. */
  letters: Letter[]
}

/** One life of an agent with its model server, from its start until both are killed. */
export function* server(world: World, url: string): Steps {
  const disk = diskOf(world, url)
  const memory: Memory = {
    url,
    startedAt: isoOf(world),
    servingSince: isoOf(world),
    channel: { kind: 'unread' },
    polledAt: 0,
    serverUp: false,
    recycles: 0,
    serving: disk.serving,
    confirmed: undefined,
    applying: undefined,
    isOpen: false,
    letters: world.inboxes.get(url) ?? [],
  }
  for (;;) {
    poll(world, memory)
    const action = planAgent(observe(world, memory))
    report(world, memory)
    yield action === undefined ? 'idle' : 'step'
    if (action !== undefined) yield* carryOut(world, memory, action)
    report(world, memory)
  }
}

const diskOf = (world: World, url: string): Disk =>
  world.disks.get(url) ?? { fence: 0, seenLive: undefined, serving: new Map() }

function updateDisk(world: World, url: string, change: Partial<Disk>): void {
  world.disks.set(url, { ...diskOf(world, url), ...change })
}

function poll(world: World, memory: Memory): void {
  if (memory.polledAt > 0 && world.now < memory.polledAt + POLL_MS) return
  look(world, memory)
}

function look(world: World, memory: Memory): void {
  memory.polledAt = Math.max(1, world.now)
  const { channel } = world
  memory.channel =
    channel === undefined
      ? { kind: 'absent' }
      : { kind: 'seen', live: channel.live && refOf(channel.live), readAt: clockOf(world) }
  const ref = memory.confirmed?.ref
  if (
    channel?.live !== undefined &&
    ref?.seq === channel.live.seq &&
    ref.sha === channel.live.sha
  ) {
    updateDisk(world, memory.url, { seenLive: { ref, at: clockOf(world) } })
  }
}

const refOf = ({ sha, seq }: ConfigRef): ConfigRef => ({ sha, seq })

function observe(world: World, memory: Memory): AgentObserved {
  const { fence, seenLive } = diskOf(world, memory.url)
  return {
    now: clockOf(world),
    channel: memory.channel,
    seenLive,
    cacheAgeMaxMs: CACHE_AGE_MS_MAX,
    fence,
    recycles: memory.recycles,
    startAt: memory.serverUp ? undefined : clockOf(world),
    hasEnded: false,
    config: memory.confirmed && {
      ref: memory.confirmed.ref,
      confirmedAt: memory.confirmed.confirmedAt,
    },
    mayOpen: true,
    isOpen: memory.isOpen,
    endedUnder: undefined,
    retryAt: 0,
    commands: memory.letters.map(({ id, kind, fence: own, ref, recycles }) =>
      kind === 'apply' ? { kind, id, fence: own, ref } : { kind, id, fence: own, recycles },
    ),
  }
}

function* carryOut(
  world: World,
  memory: Memory,
  action: NonNullable<ReturnType<typeof planAgent>>,
): Steps {
  switch (action.kind) {
    case 'note-end':
      return
    case 'start':
      memory.serverUp = true
      memory.recycles += 1
      memory.servingSince = isoOf(world)
      return
    case 'look':
      look(world, memory)
      return
    case 'open':
      memory.isOpen = true
      return
    case 'refuse':
      answer(world, memory, action.command, 'refused')
      return
    case 'acknowledge':
      answer(world, memory, action.command, 'answered')
      return
    case 'recycle':
      raiseFence(world, memory, action.command)
      yield 'step'
      memory.recycles += 1
      memory.servingSince = isoOf(world)
      answer(world, memory, action.command, 'answered')
      return
    case 'apply': {
      if (action.command !== undefined) raiseFence(world, memory, action.command)
      yield* apply(world, memory, action.ref)
      if (action.command !== undefined) answer(world, memory, action.command, 'answered')
    }
  }
}

function raiseFence(world: World, memory: Memory, id: number): void {
  const letter = memory.letters.find((each) => each.id === id)
  const fence = Math.max(diskOf(world, memory.url).fence, letter?.fence ?? 0)
  updateDisk(world, memory.url, { fence })
}

/** For each model: what fails keeps what was served before. */
function* apply(world: World, memory: Memory, ref: ConfigRef | undefined): Steps {
  memory.applying = ref
  report(world, memory)
  yield 'step'
  const models = (ref === undefined ? undefined : world.configs.get(ref.sha)) ?? {}
  const { upserts, removes } = differenceOf(Object.fromEntries(memory.serving), models)
  const next = new Map(memory.serving)
  const failed: Culprit[] = []
  for (const [name, entry] of Object.entries(upserts)) {
    yield 'look'
    const version = entry.versions[0]?.version ?? 0
    if (versionsOf(world, name).get(version)?.fate.server === true) next.set(name, entry)
    else failed.push({ name, version, digest: digestOf([name, version]), reason: 'does not load' })
  }
  for (const name of removes) next.delete(name)
  yield 'step'
  memory.serving = next
  memory.applying = undefined
  memory.confirmed = { ref, models, failed, confirmedAt: clockOf(world) }
  updateDisk(world, memory.url, { serving: next })
  if (ref !== undefined && failed.length === 0) world.confirmed.add(`${ref.sha} ${ref.seq}`)
  serve(world, memory.url, next)
}

function answer(world: World, memory: Memory, id: number, outcome: 'answered' | 'refused'): void {
  const at = memory.letters.findIndex((each) => each.id === id)
  const [letter] = memory.letters.splice(at, 1)
  if (at < 0 || letter === undefined) return
  const failed = memory.confirmed?.failed ?? []
  world.mailboxes.get(letter.from)?.push({ id, url: memory.url, outcome, failed })
}

function report(world: World, memory: Memory): void {
  const { confirmed, applying } = memory
  world.states.set(memory.url, {
    format: 1,
    server: memory.url,
    ready: memory.isOpen && memory.serverUp,
    ...(confirmed?.ref === undefined ? {} : { config: confirmed.ref }),
    ...(applying === undefined ? {} : { applying }),
    fence: diskOf(world, memory.url).fence,
    models: memory.serving.size,
    failed: [...(confirmed?.failed ?? [])],
    drifting: [],
    startedAt: memory.startedAt,
    servingSince: memory.servingSince,
    recycles: memory.recycles,
    residentBytes: 0,
    restUrl: memory.url,
  })
}
