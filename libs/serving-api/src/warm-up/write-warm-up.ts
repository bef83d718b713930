import { strict as assert } from 'node:assert'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ExampleSchema } from '../generated/tensorflow/core/example/example_pb.ts'
import { TensorProtoSchema } from '../generated/tensorflow/core/framework/tensor_pb.ts'
import {
  type PredictionLog,
  PredictionLogSchema,
} from '../generated/tensorflow_serving/apis/prediction_log_pb.ts'
import type { Tensor } from '../tensor.ts'
import { encodeTensorProto } from '../wire/tensor-encode.ts'
import { WARM_UP_RECORDS_MAX } from './prediction-log.ts'
import { writeTfRecords } from './tf-records.ts'

/** A request that a version is to answer before it serves; examples are serialized. */
export type WarmUpQuestion = { model: string; signature: string } & (
  | { kind: 'predict'; inputs: Readonly<Record<string, Tensor>> }
  | { kind: 'classify' | 'regress'; examples: readonly Uint8Array[] }
)

/** The bytes of `WARM_UP_PATH` with these requests. More than are read is a mistake of the caller. */
export function writeWarmUp(questions: readonly WarmUpQuestion[]): Uint8Array<ArrayBuffer> {
  assert(questions.length <= WARM_UP_RECORDS_MAX, `there are ${questions.length} requests`)
  return writeTfRecords(questions.map((each) => toBinary(PredictionLogSchema, logOf(each))))
}

function logOf(question: WarmUpQuestion): PredictionLog {
  const modelSpec = { name: question.model, signatureName: question.signature }
  if (question.kind === 'predict') {
    const inputs = Object.entries(question.inputs).map(([alias, tensor]) => [
      alias,
      fromBinary(TensorProtoSchema, encodeTensorProto(tensor)),
    ])
    const request = { modelSpec, inputs: Object.fromEntries(inputs) }
    return create(PredictionLogSchema, {
      logType: { case: 'predictLog', value: { request } },
    })
  }
  const examples = question.examples.map((bytes) => fromBinary(ExampleSchema, bytes))
  const input = { kind: { case: 'exampleList' as const, value: { examples } } }
  const log = { request: { modelSpec, input } }
  return create(PredictionLogSchema, {
    logType:
      question.kind === 'classify'
        ? { case: 'classifyLog', value: log }
        : { case: 'regressLog', value: log },
  })
}
