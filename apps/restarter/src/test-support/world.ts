import assert from 'node:assert/strict'
import {
  type Channel,
  type ConfigRef,
  type Culprit,
  emptyChannel,
  sha256,
} from '@drover/model-config'
import { newCommand } from '../command.ts'
import { describe, EMPTY_MEMORY, type Memory, remember } from '../memory.ts'
import {
  type Action,
  type Command,
  isSameRef,
  LIMITS,
  nextChannel,
  type Observed,
} from '../observed.ts'
import { decide } from '../plan.ts'
import {
  CULPRIT,
  type Message,
  newServer,
  type Quality,
  type SimulatedServer,
  START,
  stateOf,
} from './server.ts'

// A fleet in memory: servers, the channel, and restarters whose looks and acts interleave in any
// order. It checks all along what must never happen.

interface SimulatedRestarter {
  holder: string
  memory: Memory
  commands: Map<string, Command>
  looked: { observed: Observed; action: Action | undefined } | undefined
}

export class World {
  now = 0
  channel: Channel = emptyChannel('publisher')
  readonly servers: SimulatedServer[]
  readonly restarters: SimulatedRestarter[]
  readonly qualities = new Map<number, Quality>()
  readonly messages: Message[] = []
  /** By config seq: the servers that began to apply it before any had confirmed it. */
  readonly risked = new Map<number, Set<string>>()
  readonly confirmed = new Set<number>()
  serverFaults = 0
  lives = 0

  constructor(servers: number, restarters: number) {
    this.servers = Array.from({ length: servers }, (_, index) => newServer(index))
    this.restarters = Array.from({ length: restarters }, () => this.#newRestarter())
  }

  #newRestarter(): SimulatedRestarter {
    return {
      holder: `restarter/${++this.lives}`,
      memory: EMPTY_MEMORY,
      commands: new Map(),
      looked: undefined,
    }
  }

  publish(quality: Quality): void {
    const seq = this.channel.seq + 1
    this.qualities.set(seq, quality)
    const candidate = { sha: sha256(`${quality} ${seq}`), seq }
    this.channel = { ...this.channel, seq, attempt: 'publisher', candidate }
  }

  wish(): void {
    const { restart } = this.channel
    const recycles = Object.fromEntries(this.servers.map((each) => [each.url, each.recycles]))
    const next = { count: restart.count + 1, at: this.#instant(), recycles }
    this.channel = nextChannel(this.channel, { restart: next }, 'person')
  }

  #instant(ms = START + this.now): string {
    return new Date(ms).toISOString()
  }

  look(index: number): void {
    const restarter = this.restarters[index]
    if (restarter === undefined) return
    this.#hangUp(restarter)
    const { holder, commands } = restarter
    const states = new Map(this.servers.map((server) => [server.url, stateOf(server)]))
    const { now, channel } = this
    const { silentMs } = LIMITS
    const known = { now, holder, channel, states, commands: new Map(commands), silentMs }
    const sight = { ...known, deployment: { kind: 'none' as const }, isFresh: true }
    restarter.memory = remember(restarter.memory, sight)
    const observed: Observed = {
      ...describe(restarter.memory, sight),
      now,
      at: this.#instant(),
      holder,
      instance: undefined,
      away: undefined,
      channel,
      held: this.#held(),
      fault: undefined,
      delivery: 'reload',
      closedUntil: undefined,
      limits: LIMITS,
    }
    restarter.looked = { observed, action: decide(observed).action }
  }

  #held(): Culprit[] {
    const { candidate, rejected } = this.channel
    const isKnown = rejected.some(({ culprits }) => culprits.length > 0)
    const isBad = candidate !== undefined && this.qualities.get(candidate.seq) === 'bad'
    return isKnown && isBad ? [CULPRIT] : []
  }

  act(index: number): void {
    const restarter = this.restarters[index]
    const { observed, action } = restarter?.looked ?? {}
    if (restarter === undefined || observed === undefined || action === undefined) return
    restarter.looked = undefined
    this.#act(restarter, observed, action)
  }

  #act(restarter: SimulatedRestarter, observed: Observed, action: Action): void {
    switch (action.kind) {
      case 'write':
        return this.#write(observed, action)
      case 'apply':
        for (const { url, ...config } of action.tell) {
          this.#send(restarter, observed, url, { ...action, ...config, recycles: 0 })
        }
        return
      case 'patch':
      case 'touch':
        return assert(false, `there is no Deployment to ${action.kind}`)
      case 'recycle': {
        const config = observed.channel?.rollout ?? { sha: '', seq: 0 }
        const { sha, seq } = config
        this.#send(restarter, observed, action.url, { ...action, sha, seq, offered: false })
        return
      }
    }
  }

  #write({ channel, servers }: Observed, action: Extract<Action, { kind: 'write' }>): void {
    if (channel === undefined || channel.seq !== this.channel.seq) return
    const next = nextChannel(channel, action.change, 'restarter')
    const { live } = next
    if (live !== undefined && !isSameRef(channel.live, live)) {
      const ready = servers.filter(({ state }) => state?.ready)
      assert(ready.length > 0, 'live moved although no server is ready')
      for (const { url, state } of ready) {
        assert(isSameRef(state?.config, live), `live moved although ${url} does not run it`)
        assert.deepEqual(state?.failed, [], `live moved although a model failed on ${url}`)
      }
      assert(live.seq > (channel.live?.seq ?? -1), 'live moved to an older config')
      assert(!next.rejected.some(({ seq }) => seq === live.seq), 'a rejected config became live')
    }
    this.channel = next
  }

  #send(
    restarter: SimulatedRestarter,
    observed: Observed,
    url: string,
    order: ConfigRef & Pick<Command, 'kind' | 'fence' | 'offered' | 'recycles'>,
  ): void {
    const { kind } = order
    const state = observed.servers.find((server) => server.url === url)?.state
    const before = restarter.commands.get(url)
    const command = newCommand({ ...order, url }, kind, { at: observed.now, state, before })
    this.#drop((message) => message.from === restarter.holder && message.url === url)
    restarter.commands.set(url, command)
    this.messages.push({ from: restarter.holder, url, command })
  }

  #drop(isGone: (message: Message) => boolean): void {
    for (let index = this.messages.length - 1; index >= 0; index--) {
      const message = this.messages[index]
      if (message !== undefined && isGone(message)) this.messages.splice(index, 1)
    }
  }

  /** A command has a deadline: what was not delivered by then never is. */
  #hangUp({ holder, commands }: SimulatedRestarter): void {
    for (const [url, command] of commands) {
      const limitMs = command.kind === 'apply' ? LIMITS.applyMs : LIMITS.recycleMs
      if (command.outcome !== 'pending' || this.now - command.at <= limitMs + 1_000) continue
      commands.set(url, { ...command, outcome: 'lost', endedAt: this.now })
      this.#drop((message) => message.from === holder && message.url === url)
    }
  }

  /** Delivers a command, or loses it. */
  deliver(index: number, isLost = false): void {
    const [message] = this.messages.splice(index, 1)
    const server = this.servers.find(({ url }) => url === message?.url)
    if (message === undefined || server === undefined) return
    if (isLost || !server.isUp || server.isCutOff) return this.#answer(message, 'lost')
    if (message.command.fence < server.fence) return this.#answer(message, 'outdone')
    this.#obey(server, message)
  }

  #obey(server: SimulatedServer, message: Message): void {
    const { kind, fence, sha, seq, recycles } = message.command
    server.fence = fence
    const config = { sha, seq }
    const isDone =
      kind === 'recycle'
        ? recycles < server.recycles
        : server.work === undefined && isSameRef(server.config, config)
    if (isDone) return this.#answer(message, 'answered')
    if (server.work !== undefined) this.#answer(server.work.message, 'outdone')
    server.work = { kind, config, message }
    this.#checkDisturbed(server, kind, seq)
  }

  #checkDisturbed({ url }: SimulatedServer, kind: 'apply' | 'recycle', seq: number): void {
    const recycling = this.servers.filter(({ work }) => work?.kind === 'recycle')
    if (this.serverFaults === 0) assert(recycling.length <= 1, 'two servers recycle at a time')
    // Seq 0 is the empty config, to which servers go back before the first `live`.
    if (kind !== 'apply' || seq === 0 || this.confirmed.has(seq)) return
    const risked = this.risked.get(seq) ?? new Set<string>()
    this.risked.set(seq, risked.add(url))
    if (this.serverFaults === 0) assert(risked.size <= 1, `config ${seq} has two canaries`)
  }

  #answer({ from, url, command }: Message, outcome: Command['outcome']): void {
    const restarter = this.restarters.find(({ holder }) => holder === from)
    if (restarter?.commands.get(url) !== command) return
    restarter.commands.set(url, { ...command, outcome, endedAt: this.now })
  }

  /** A server comes to the end of what it is doing. */
  finish(server: SimulatedServer): void {
    const { work } = server
    if (work === undefined || !server.isUp) return
    const quality = this.qualities.get(work.config.seq) ?? 'good'
    if (work.kind === 'apply' && quality === 'deadly') return this.fail(server)
    server.work = undefined
    if (work.kind === 'recycle') {
      server.recycles += 1
      server.servingSince = START + this.now
    } else {
      server.config = work.config
      server.failed = quality === 'bad' ? [CULPRIT] : []
      if (quality === 'good') this.confirmed.add(work.config.seq)
    }
    this.#answer(work.message, server.isCutOff ? 'lost' : 'answered')
  }

  /** The agent ends; what it was doing is undone, and its callers hear nothing. */
  fail(server: SimulatedServer): void {
    this.serverFaults += 1
    if (server.work !== undefined) this.#answer(server.work.message, 'lost')
    server.work = undefined
    server.isUp = false
    server.lives += 1
    server.recycles += 1
    server.servingSince = START + this.now
  }

  cutOff(server: SimulatedServer): void {
    this.serverFaults += 1
    server.isCutOff = true
  }

  restartRestarter(index: number): void {
    this.restarters[index] = this.#newRestarter()
  }
}
