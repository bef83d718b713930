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
  /** Signatures that metadata lists and nobody can call; undefined where there are none. */
  readonly uncallable?: Readonly<Record<string, SignatureDef>> | undefined
}

/** What metadata lists. */
export const toldSignatures = ({ signatures, uncallable }: Found): Found['signatures'] =>
  uncallable === undefined ? signatures : { ...signatures, ...uncallable }

/** One question to a version. */
export interface Call {
  /** As in an `Observation`; undefined for what is measured nowhere. */
  api?: string | undefined
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
  /**
   * Counts a request for the model that waits for its turn to be read, until what is returned is called.
   * Throws UNAVAILABLE where too many wait or run already.
   */
  wait(name: string): () => void
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
  /** HandleReloadConfigRequest: serves this list and nothing else; says by name what failed, or is not there in time. */
  reload(config: ModelServerConfig, waitMs: number): Promise<void>
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

/** The methods of the REST API that ask a model something. */
export type RestMethod = 'predict' | 'classify' | 'regress'

/** What the lane is told of each request. */
export interface LaneRequest {
  body: Uint8Array
  deadlineMs: number
  /** Aborted when nobody waits for the answer any more; the lane then stops at its next look. */
  signal?: AbortSignal | undefined
}

/**
 * The thread for large requests: reading and writing many megabytes there holds up nobody else. The
 * memory of a body that is all of its buffer moves there. Throws UNAVAILABLE where too much waits
 * for it already, and to those whose requests are there when it ends; it is started again then.
 */
export interface Lane {
  /** A request of the REST API; `metadata` has no body. */
  rest(
    request: LaneRequest & { method: RestMethod | 'metadata'; model: ModelChoice },
  ): Promise<HttpAnswer>
  /** A method of PredictionService, by its name in the .proto file; messages as their bytes. */
  grpc(request: LaneRequest & { method: string }): Promise<Uint8Array>
}

/** Bodies above this go to the lane. */
export const LANE_BODY_BYTES = 256 * 1024
