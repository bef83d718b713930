import {
  type Agent,
  change,
  diskOf,
  endedUnder,
  type Letter,
  observe,
  openAgent,
  updateDisk,
} from './agent.ts'
import { type Action, lastSeen } from '@drover/tf-server'
import { type ConfigRef, type Culprit, isRejected } from '@drover/model-config'
import { apply, type Outcome } from './apply.ts'
import type { Fleet } from './fleet.ts'
import { clockOf, hasTrouble, isoOf, type Steps, type World } from './world.ts'

const POLL_MS = 5_000
const LETTERS_MAX = 16

/** One life of an agent with its model server, from its start until both are killed. */
export function* server(fleet: Fleet, url: string): Steps {
  const { world } = fleet
  const agent = openAgent(fleet, url)
  for (;;) {
    for (const letter of world.inboxes.get(url)?.splice(0) ?? []) receive(world, agent, letter)
    if (world.now >= agent.polledAt + POLL_MS) look(fleet, agent)
    world.saw(agent.stamp)
    const action = world.plans.agent(observe(world, agent))
    yield action === undefined ? 'idle' : 'step'
    if (action !== undefined) yield* act(fleet, agent, action)
  }
}

/** A command reaches a server, or is on its way until the server runs again. */
export function deliver(world: World, url: string, letter: Letter): void {
  const agent = world.agents.get(url)
  if (agent === undefined || hasTrouble(world, 'cut', url)) {
    reply(world, url, letter, 'lost')
  } else if (hasTrouble(world, 'stopped', url)) {
    world.inboxes.get(url)?.push(letter)
  } else {
    receive(world, agent, letter)
  }
}

/** The fence counts from the moment at which the agent hears it. */
function receive(world: World, agent: Agent, letter: Letter): void {
  if (!world.plans.obeys(letter.fence, agent.fence)) {
    reply(world, agent.url, letter, 'outdone')
  } else if (agent.pending.length >= LETTERS_MAX) {
    reply(world, agent.url, letter, 'refused')
  } else {
    const fence = Math.max(letter.fence, agent.fence)
    change(agent, { fence, pending: [...agent.pending, letter] })
  }
}

function reply(
  world: World,
  url: string,
  { id, from }: Letter,
  outcome: Outcome | 'lost',
  failed: readonly Culprit[] = [],
): void {
  const isLost = hasTrouble(world, 'cut', url)
  world.mailboxes.get(from)?.push({ id, url, outcome: isLost ? 'lost' : outcome, failed })
}

/** Reads the channel, and notes on disk that the confirmed config is live if it is. */
function look(fleet: Fleet, agent: Agent): void {
  const { channel, world } = fleet
  world.saw(channel?.seq ?? -1)
  const last = lastSeen(agent.channel)
  if (hasTrouble(world, 'away', agent.url)) {
    change(agent, { polledAt: world.now, channel: { kind: 'away', last }, impaired: true })
  } else if (channel === undefined) {
    const impaired = agent.confirmed?.ref !== undefined
    change(agent, { polledAt: world.now, channel: { kind: 'absent', last }, impaired })
  } else {
    const live = channel.live && { sha: channel.live.sha, seq: channel.live.seq }
    const isNamedRejected = agent.named !== undefined && isRejected(channel, agent.named)
    const view = { kind: 'seen' as const, live, isNamedRejected, readAt: clockOf(world) }
    change(agent, { polledAt: world.now, channel: view, impaired: false })
    if (live !== undefined) noteLive(fleet, agent, live)
  }
}

function noteLive(fleet: Fleet, { url, confirmed }: Agent, live: ConfigRef): void {
  const { world } = fleet
  const ref = confirmed?.ref
  if (ref?.seq !== live.seq || ref.sha !== live.sha) return
  updateDisk(world, url, { seenLive: { ref, at: clockOf(world) } })
  world.check.confirmed(fleet, url, ref)
}

function* act(fleet: Fleet, agent: Agent, action: Action): Steps {
  const { world } = fleet
  switch (action.kind) {
    case 'note-end':
      return noteEnd(world, agent)
    case 'start':
      return start(world, agent)
    case 'look':
      return look(fleet, agent)
    case 'open':
      world.check.opened(world, agent.url)
      change(agent, { isOpen: true, polledAt: -Infinity })
      return undefined
    case 'refuse':
      return answer(world, agent, action.command, 'outdone')
    case 'acknowledge':
      return acknowledge(world, agent, action.command)
    case 'recycle':
      return yield* recycle(world, agent, action.command)
    case 'apply': {
      const outcome = yield* apply(fleet, agent, action)
      if (outcome !== 'answered') change(agent, { retryAt: clockOf(world) + POLL_MS })
      if (action.command !== undefined) answer(world, agent, action.command, outcome)
      return undefined
    }
  }
}

function noteEnd(world: World, agent: Agent): void {
  const { end, url } = agent
  if (end === undefined) return
  change(agent, { end: { ...end, isNoted: true } })
  const under = end.under ?? diskOf(world, url).endedUnder
  updateDisk(world, url, { applying: undefined, endedUnder: under })
}

/** A new model server is given everything that was served. */
function start(world: World, agent: Agent): void {
  const recycles = agent.recycles + 1
  updateDisk(world, agent.url, { recycles })
  change(agent, { serverUp: true, recycles, servingSince: isoOf(world) })
  world.check.served(world, agent.url)
}

/** The same command again, or one whose work is done: the newer fence counts from now on. */
function acknowledge(world: World, agent: Agent, id: number): void {
  const letter = agent.pending.find((each) => each.id === id)
  const under = endedUnder(world, agent)
  const isAnswered = letter?.kind === 'apply' && under !== undefined && under.seq !== letter.ref.seq
  if (isAnswered) change(agent, { end: undefined })
  const { fence } = agent
  updateDisk(world, agent.url, isAnswered ? { fence, endedUnder: undefined } : { fence })
  answer(world, agent, id, 'answered')
}

function* recycle(world: World, agent: Agent, id: number): Steps {
  acknowledgeFence(world, agent)
  yield 'step'
  if (agent.serverUp) start(world, agent)
  answer(world, agent, id, agent.serverUp ? 'answered' : 'refused')
}

const acknowledgeFence = (world: World, { url, fence }: Agent) => updateDisk(world, url, { fence })

function answer(world: World, agent: Agent, id: number, outcome: Outcome): void {
  const letter = agent.pending.find((each) => each.id === id)
  if (letter === undefined) return
  change(agent, { pending: agent.pending.filter((each) => each !== letter) })
  const failed = outcome === 'answered' ? (agent.confirmed?.failed ?? []) : []
  reply(world, agent.url, letter, outcome, failed)
}
