// What control thread, serving threads and the lane say to each other.

import type { ServableMessage } from '@drover/inference'
import type { ModelServerConfig } from '@drover/model-config'
import type { ModelChoice, StatusCode, VersionStatus } from '@drover/serving-api'
import type { BatchingParameters } from '../flags/batching.ts'
import type { HttpAnswer, Lane } from './core.ts'

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
}

/** What happened to one model since it was asked last; see `counters.ts`. */
export interface ModelCounts {
  name: string
  /** Since 1970. */
  lastUsedMs: number
  series: readonly SeriesCounts[]
}

/** Requests of one kind. */
export interface SeriesCounts {
  entrypoint: 'REST' | 'GRPC'
  api: string
  /** How many ended with which code. */
  codes: ReadonlyMap<StatusCode | 'OK', number>
  /** Latency of those that succeeded: how many fell into each bucket, and their sum in microseconds. */
  buckets: readonly number[]
  sumUs: number
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

/** What a serving thread answers. */
export type ServingProtocol = {
  /** From the answer on, requests see this of the model. */
  serve: { ask: ServedMessage; answer: void }
  /** Answers when no request of this load is in flight any more; the model must not list it by then. */
  release: { ask: { load: number }; answer: void }
  accept: { ask: undefined; answer: Listening }
  report: { ask: { beginsAnew: boolean }; answer: ThreadReport }
  /** Answers what is there, takes nothing new; the answer comes when all connections have ended. */
  drain: { ask: { msMax: number }; answer: void }
}

/** What the control thread answers. */
export type ControlProtocol = {
  status: { ask: ModelChoice; answer: VersionStatus[] }
  reload: { ask: ModelServerConfig; answer: void }
  prometheus: { ask: undefined; answer: Uint8Array }
  /** Answers when the lane takes requests. */
  lane: { ask: undefined; answer: void }
  /** Answers when a cold version can be asked. */
  warm: { ask: { name: string; version: bigint }; answer: void }
}

/** What the lane answers. */
export type LaneProtocol = {
  rest: { ask: Parameters<Lane['rest']>[0]; answer: HttpAnswer }
  grpc: { ask: Parameters<Lane['grpc']>[0]; answer: Uint8Array }
}
