// Status and metadata as protobuf's JSON printer writes them: one space for each level.

import { ServingError, type StatusCode } from './errors.ts'
import type { ModelChoice } from './paths.ts'
import type { SignatureDef, TensorInfo } from './tensor.ts'

/** Where a version is in its life, in TensorFlow Serving's words. */
export type ServableState = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END'

/** What is told of a version. */
export interface VersionStatus {
  version: bigint
  state: ServableState
  /** Why it ended, if that was no decision. */
  error?: string
  /** What kind of reason that was; UNKNOWN if it is not told. */
  errorCode?: StatusCode
}

/** Highest first. */
export const byVersion = (a: { version: bigint }, b: { version: bigint }): number =>
  a.version < b.version ? 1 : a.version > b.version ? -1 : 0

/** `GET /v1/models/{name}`: the versions, highest first. */
export function writeStatus(statuses: readonly VersionStatus[]): Buffer {
  const model_version_status = statuses
    .toSorted(byVersion)
    .map(({ version, state, error, errorCode = 'UNKNOWN' }) => ({
      version: `${version}`,
      state,
      status: {
        error_code: error === undefined ? 'OK' : errorCode,
        error_message: error ?? '',
      },
    }))
  return Buffer.from(`${print({ model_version_status })}\n`)
}

/** `GET /v1/models/{name}/metadata`: joined by hand upstream, hence its odd line breaks. */
export function writeMetadata(
  model: { name: string; version: bigint },
  signatures: Readonly<Record<string, SignatureDef>>,
): Buffer {
  const spec = print({ name: model.name, signature_name: '', version: `${model.version}` })
  const signature_def = mapValues(signatures, ({ inputs, outputs, methodName }) => ({
    inputs: mapValues(inputs, infoJson),
    outputs: mapValues(outputs, infoJson),
    method_name: methodName,
    defaults: {},
  }))
  return Buffer.from(
    `{\n"model_spec":${spec}\n,\n"metadata": {"signature_def": ${print({ signature_def })}\n}\n}\n`,
  )
}

/** The error of a predict or metadata request that finds nothing to ask. */
export function notServed({ name, version }: ModelChoice): ServingError {
  const choice = version === undefined ? `Latest(${name})` : `Specific(${name}, ${version})`
  return new ServingError('NOT_FOUND', `Servable not found for request: ${choice}`)
}

/** The error of a status request that finds nothing to tell. */
export function notKnown({ name, version }: ModelChoice): ServingError {
  const what = version === undefined ? 'any versions' : `version ${version}`
  return new ServingError('NOT_FOUND', `Could not find ${what} of model ${name}`)
}

const infoJson = ({ name, dtype, shape }: TensorInfo) => ({
  dtype,
  tensor_shape: {
    dim: (shape ?? []).map((size) => ({ size: `${size}`, name: '' })),
    unknown_rank: shape === undefined,
  },
  name,
})

const mapValues = <From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))

/** Protobuf keeps empty lists and maps on one line, as JSON.stringify does. */
const print = (value: object): string => JSON.stringify(value, undefined, 1)
