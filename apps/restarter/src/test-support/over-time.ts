// A restarter over hours: what it decides and remembers, with servers that obey at once and a Deployment
// that the test plays.

import {
  type Channel,
  emptyChannel,
  type ServerState,
  type TemplatePair,
} from '@drover/model-config'
import { newCommand } from '../command.ts'
import { describe, EMPTY_MEMORY, type Memory, remember } from '../memory.ts'
import {
  type Action,
  type Command,
  type Delivery,
  type DeploymentView,
  FIELD_MANAGER,
  type Limits,
  LIMITS,
  nextChannel,
  type Observed,
  type SeenDeployment,
} from '../observed.ts'
import { decide } from '../plan.ts'
import { AT, config } from './observed.ts'

export const START = Date.parse(AT)
const TURNS_AT_ONCE_MAX = 20
const HOLDER = 'me'

export interface OverTimeOptions {
  channel?: Partial<Channel>
  servers: Record<string, ServerState>
  deployment?: DeploymentView
  delivery?: Delivery
  limits?: Partial<Limits>
  /** How far the servers' clocks are behind. */
  skewMs?: number
  /** What the API server makes of a patch that it took; false: it refuses it. */
  onPatch?: (fleet: OverTime) => boolean
  /** What else happens at each step of time. */
  onTick?: (fleet: OverTime) => void
}

export class OverTime {
  now = 0
  channel: Channel
  servers: Record<string, ServerState | undefined>
  deployment: DeploymentView
  readonly patches: TemplatePair[] = []
  readonly writes: string[] = []
  recycles = 0
  readonly #options: OverTimeOptions
  readonly #limits: Limits
  readonly #commands = new Map<string, Command>()
  #memory: Memory = EMPTY_MEMORY
  #version = 7

  constructor(options: OverTimeOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.deployment = options.deployment ?? { kind: 'none' }
    this.servers = { ...options.servers }
    const live = { ...config(4), at: AT }
    this.channel = { ...emptyChannel('t'), seq: 20, candidate: config(5), live, ...options.channel }
  }

  get hours(): number {
    return this.now / 3_600_000
  }

  /** Another candidate is published. */
  publish(): void {
    const seq = this.channel.seq + 1
    this.channel = { ...this.channel, seq, candidate: config(seq) }
  }

  /** The Deployment changes. */
  set(view: Partial<SeenDeployment>): void {
    if (this.deployment.kind !== 'seen') return
    this.#version += 1
    this.deployment = { ...this.deployment, ...view, resourceVersion: `${this.#version}` }
  }

  /** Lets time go by until something holds; says whether it did. */
  run(ms: number, stepMs: number, until: () => boolean = () => false): boolean {
    const end = this.now + ms
    for (; this.now < end; this.now += stepMs) {
      this.#options.onTick?.(this)
      for (let turn = 0; turn < TURNS_AT_ONCE_MAX && this.#turn(); turn++);
      if (until()) return true
    }
    return false
  }

  #observe(): Observed {
    const { now, channel, deployment } = this
    const { delivery = 'reload' } = this.#options
    const sight = {
      now,
      holder: HOLDER,
      channel,
      states: new Map(Object.entries(this.servers)),
      commands: new Map(this.#commands),
      silentMs: this.#limits.silentMs,
      deployment,
      isFresh: true,
    }
    this.#memory = remember(this.#memory, sight)
    const at = new Date(START + now).toISOString()
    const known = {
      holder: HOLDER,
      instance: undefined,
      away: undefined,
      held: [],
      fault: undefined,
    }
    const limits = { limits: this.#limits, closedUntil: undefined, delivery }
    return { ...describe(this.#memory, sight), ...known, ...limits, now, at, channel }
  }

  /** Whether there is more to do at once. */
  #turn(): boolean {
    const { action } = decide(this.#observe())
    return action !== undefined && this.#act(action)
  }

  #act(action: Action): boolean {
    switch (action.kind) {
      case 'write':
        this.channel = nextChannel(this.channel, action.change, HOLDER)
        this.writes.push(action.what)
        return true
      case 'patch':
        this.patches.push(action.pair)
        this.set({ pair: action.pair, manager: FIELD_MANAGER })
        return this.#options.onPatch?.(this) ?? true
      case 'touch':
        this.set({ touch: action.fence })
        return true
      case 'apply':
        for (const each of action.tell) {
          const order = { ...each, fence: action.fence, offered: action.offered, recycles: 0 }
          const state = this.#answer(order, 'apply')
          const { sha, seq } = each
          if (state)
            this.servers[each.url] = { ...state, config: { sha, seq }, fence: action.fence }
        }
        return true
      case 'recycle':
        this.#recycle(action)
        return true
    }
  }

  #recycle({ url, fence, recycles }: Extract<Action, { kind: 'recycle' }>): void {
    const state = this.#answer({ url, sha: '', seq: 0, fence, offered: false, recycles }, 'recycle')
    if (state === undefined) return
    const since = START + this.now - (this.#options.skewMs ?? 0)
    const servingSince = new Date(since).toISOString()
    this.servers[url] = { ...state, recycles: state.recycles + 1, servingSince }
    this.recycles += 1
  }

  #answer(order: Parameters<typeof newCommand>[0], kind: Command['kind']): ServerState | undefined {
    const { [order.url]: state } = this.servers
    const before = this.#commands.get(order.url)
    const command = newCommand(order, kind, { at: this.now, state, before })
    this.#commands.set(order.url, { ...command, outcome: 'answered', endedAt: this.now })
    return state
  }
}
