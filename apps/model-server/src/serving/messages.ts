// What control thread, serving threads and the lane say to each other.

import type { MessagePort } from 'node:worker_threads'
import type { ServableMessage } from '@drover/inference'
import type { ModelServerConfig, ModelServerModel } from '@drover/model-config'
import type { ModelChoice, StatusCode, Tensor, VersionStatus } from '@drover/serving-api'
import type { BatchingParameters } from '../flags/batching.ts'
import type { Found, HttpAnswer, Lane, LaneRequest } from './core.ts'
import type { SentModels } from './reload-parts.ts'

/** All that a serving thread has to know of a model: the whole of it each time, the newest counts. */
export interface ServedMessage {
  name: string
  versions: readonly ServedVersionMessage[]
  labels: ReadonlyMap<string, bigint>
}

/** A version that answers. */
export interface ServedVersionMessage {
  /** Tells two loads of one version apart. */
  load: number
  version: bigint
  /** `known`: as told before. `cold`: to be asked for at the first request. */
  servable: ServableMessage | 'known' | 'cold'
  /** How requests that come together are run as one; undefined for each alone. */
  batching: BatchingParameters | undefined
  /** See `Found`. */
  uncallable?: Found['uncallable']
}

/** What happened to one model since it was asked last; see `counters.ts`. */
export interface ModelCounts {
  name: string
  /** Since 1970. */
  lastUsedMs: number
  series: readonly SeriesCounts[]
  /** How long the model itself took, by API. */
  runs: readonly ({ api: string } & LatencyCounts)[]
}

/** How many took how long. */
export interface LatencyCounts {
  /** How many fell into each bucket. */
  buckets: readonly number[]
  /** All together, in microseconds. */
  sumUs: number
}

/** Requests of one kind; the latencies are of those that succeeded. */
export interface SeriesCounts extends LatencyCounts {
  entrypoint: 'REST' | 'GRPC'
  api: string
  /** How many ended with which code. */
  codes: ReadonlyMap<StatusCode | 'OK', number>
}

/** How long the event loop of a thread was held by one piece of work. */
export interface LoopDelay {
  p50Ms: number
  p99Ms: number
  p999Ms: number
  maxMs: number
}

/** What one thread has to tell of itself. */
export interface ThreadReport {
  /** Since the last report. */
  models: readonly ModelCounts[]
  /** Since the last report that was asked to begin anew. */
  loopDelay: LoopDelay
  connections: number
}

/** Where a serving thread listens. */
export interface Listening {
  rest: string | undefined
  grpc: string | undefined
  unix: string | undefined
}

/** A request to a certain version. */
export interface SingleRun {
  name: string
  version: bigint
  signature: string
  inputs: Readonly<Record<string, Tensor>>
  /** How long it may take. */
  msMax: number
}

/** How a server ends. */
export interface Drain {
  /** What has not ended by then is cut. */
  msMax: number
  /**
   * Whether connections are taken until the end, and told to end like all others: not everybody may
   * know yet that this server is to go. Otherwise whoever else listens on the same socket gets them.
   */
  staysOpen: boolean
}

/** What a serving thread answers. */
export type ServingProtocol = {
  /** From the answer on, requests see this of the model. */
  serve: { ask: ServedMessage; answer: void }
  /** Answers when no request of this load is in flight any more; the model must not list it by then. */
  release: { ask: { load: number }; answer: void }
  accept: { ask: undefined; answer: Listening }
  /** To the lane: a serving thread is at the other end, and asks by `LaneProtocol`. */
  line: { ask: MessagePort; answer: void }
  /** A single request of the admin socket. */
  run: { ask: SingleRun; answer: Record<string, Tensor> }
  /** Answers as soon as the thread's event loop comes to it. */
  pulse: { ask: undefined; answer: void }
  report: { ask: { beginsAnew: boolean }; answer: ThreadReport }
  /** Answers what is there, takes nothing new; the answer comes when all connections have ended. */
  drain: { ask: Drain; answer: void }
}

/** What the control thread answers. */
export type ControlProtocol = {
  status: { ask: ModelChoice; answer: VersionStatus[] }
  /** Some models of a reload to come; see `reload-parts.ts`. */
  models: { ask: { list: string; models: readonly ModelServerModel[] }; answer: void }
  /** The models of the config have been sent before. */
  reload: { ask: { sent: SentModels; config: ModelServerConfig; waitMs: number }; answer: void }
  prometheus: { ask: undefined; answer: Uint8Array }
  /** A new line to the lane, which takes requests by then. */
  lane: { ask: undefined; answer: MessagePort }
  /** Answers when a cold version can be asked. */
  warm: { ask: { name: string; version: bigint }; answer: void }
}

/** A request on its way into the lane: its deadline counts from 1970, as threads have no other clock in common. */
export type Handed<Request extends LaneRequest> = Omit<Request, 'signal'> & {
  /** In shared memory: 1 as soon as nobody waits for the answer any more. */
  gone: Int32Array | undefined
}

/** What the lane answers. */
export type LaneProtocol = {
  rest: { ask: Handed<Parameters<Lane['rest']>[0]>; answer: HttpAnswer }
  grpc: { ask: Handed<Parameters<Lane['grpc']>[0]>; answer: Uint8Array }
}
