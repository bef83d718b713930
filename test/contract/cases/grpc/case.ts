import type { JsonObject } from '@bufbuild/protobuf'

/** One gRPC call, and what is to come back; messages as protobuf's JSON has them. */
export interface GrpcCase {
  name: string
  /** Of PredictionService and ModelService. */
  method:
    | 'Predict'
    | 'Classify'
    | 'Regress'
    | 'MultiInference'
    | 'GetModelMetadata'
    | 'GetModelStatus'
    | 'HandleReloadConfigRequest'
  request: JsonObject
  expect: GrpcAnswer | GrpcRefusal
}

/** A message that is exactly this. */
export interface GrpcAnswer {
  message: JsonObject
}

/** A status of this name. */
export interface GrpcRefusal {
  code: string
  /** All of its message. */
  details?: string
  /** Parts of its message. */
  contains?: readonly string[]
}

/** A call that is answered. */
export const answers = (name: string, [method, request]: Call, message: JsonObject): GrpcCase => ({
  name,
  method,
  request,
  expect: { message },
})

/** A call that is refused with this message. */
export const refuses = (
  name: string,
  [method, request]: Call,
  [code, details]: readonly [code: string, details: string],
): GrpcCase => ({ name, method, request, expect: { code, details } })

/** A call that is refused with a message of these parts. */
export const refusesWith = (
  name: string,
  [method, request]: Call,
  [code, ...contains]: readonly [code: string, ...parts: string[]],
): GrpcCase => ({ name, method, request, expect: { code, contains } })

/** A method and what it is sent. */
export type Call = readonly [method: GrpcCase['method'], request: JsonObject]

/** A tensor of one dimension, with its values in the field of its type. */
export const list = (values: readonly number[]): JsonObject => ({
  dtype: 'DT_FLOAT',
  tensorShape: { dim: [{ size: `${values.length}` }] },
  floatVal: [...values],
})

export const scalar = (value: number): JsonObject => ({
  dtype: 'DT_FLOAT',
  tensorShape: {},
  floatVal: [value],
})

/** Examples of float features. */
export const examples = (...features: readonly Readonly<Record<string, number>>[]): JsonObject => ({
  exampleList: { examples: features.map(exampleOf) },
})

export const exampleOf = (features: Readonly<Record<string, number>>): JsonObject => ({
  features: {
    feature: Object.fromEntries(
      Object.entries(features).map(([name, value]) => [name, { floatList: { value: [value] } }]),
    ),
  },
})

/** A Predict. */
export const predict = (
  modelSpec: JsonObject,
  inputs: JsonObject,
  outputFilter: readonly string[] = [],
): Call => ['Predict', { modelSpec, inputs, outputFilter: [...outputFilter] }]
