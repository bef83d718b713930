// What stands between the ports of a serving thread and the models: REST and gRPC are thin skins
// over it and call the same functions, so that one rule has one place.

import type { ModelServerConfig } from '@drover/model-config'
import type {
  ModelChoice,
  SignatureDef,
  StatusCode,
  Tensor,
  VersionStatus,
} from '@drover/serving-api'

/** A version that answers now. */
export interface Found {
  readonly name: string
  readonly version: bigint
  readonly signatures: Readonly<Record<string, SignatureDef>>
}

/** One question to a version. */
export interface Call {
  signature: string
  /** By alias, as many as the caller brought; whoever asks has checked them against the signature. */
  inputs: Readonly<Record<string, Tensor>>
  /** Aliases of the outputs that are wanted; all of them if undefined. */
  outputs?: readonly string[] | undefined
  /** On the clock of `performance.now()`: when nobody waits for the answer any more. */
  deadlineMs: number
}

export type Outputs = Record<string, Tensor>

/** What happened to one request; counted by model. */
export interface Observation {
  /** Undefined where the request named no model that could be read. */
  name: string | undefined
  entrypoint: 'REST' | 'GRPC'
  /** Of the path or the method: `predict`, `classify`, `regress`, `multi_inference`, `metadata`, `status`, `reload`. */
  api: string
  code: StatusCode | 'OK'
  latencyMs: number
}

/** The models of this thread. */
export interface Core {
  /**
   * The version that is asked for. A promise only where it must be loaded first (`--max_resident_bytes`).
   * Throws `ServingError`: NOT_FOUND, INVALID_ARGUMENT for an unknown label, UNAVAILABLE.
   */
  find(choice: ModelChoice): Found | Promise<Found>
  /** Asks a version that was just found; a promise unless it was done at once. Throws `ServingError`. */
  run(found: Found, call: Call): Outputs | Promise<Outputs>
  /** Counts a request that was answered. */
  observe(observation: Observation): void
  /** What only the control thread knows or may do. */
  readonly control: Control
  /** Where requests go that would hold this thread's loop for too long; undefined in that lane itself. */
  readonly lane: Lane | undefined
}

/** What the control thread answers. All throw `ServingError`. */
export interface Control {
  /** What is told of a model's versions, highest first; NOT_FOUND where there are none. */
  status(choice: ModelChoice): Promise<VersionStatus[]>
  /** HandleReloadConfigRequest: serves this list and nothing else; says by name what failed. */
  reload(config: ModelServerConfig): Promise<void>
  /** The metrics page. */
  prometheus(): Promise<Uint8Array>
}

/** An HTTP answer. */
export interface HttpAnswer {
  status: number
  /** Retry-After in seconds, where it is of use. */
  retryAfterS?: number
  body: Uint8Array
}

/** The thread for large requests: reading and writing many megabytes there holds up nobody else. */
export interface Lane {
  /** A POST of the REST API: `method` is `predict`, `classify` or `regress`. */
  rest(request: {
    method: 'predict' | 'classify' | 'regress'
    model: ModelChoice
    body: Uint8Array
    deadlineMs: number
  }): Promise<HttpAnswer>
  /** A method of PredictionService, by its name in the .proto file; messages as their bytes. */
  grpc(request: { method: string; body: Uint8Array; deadlineMs: number }): Promise<Uint8Array>
}

/** Bodies above this go to the lane. */
export const LANE_BODY_BYTES = 256 * 1024
