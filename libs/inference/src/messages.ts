// What parents and their child processes say to each other. Tensors cross as they are: the channel
// carries typed arrays and big integers (serialization: 'advanced').

import {
  GoldenRequests,
  isTypeName,
  type SignatureDef,
  type Tensor,
  type TypeName,
} from '@drover/serving-api'
import { z } from 'zod'
import { InferenceErrorCode } from './errors.ts'

const shape = z.array(z.int().nonnegative())
const halves = z.instanceof(Uint16Array)

/** A tensor as it crosses. */
export const TensorMessage: z.ZodType<Tensor> = z.discriminatedUnion('dtype', [
  z.object({ dtype: z.literal('DT_FLOAT'), shape, values: z.instanceof(Float32Array) }),
  z.object({ dtype: z.literal('DT_DOUBLE'), shape, values: z.instanceof(Float64Array) }),
  z.object({ dtype: z.literal('DT_INT32'), shape, values: z.instanceof(Int32Array) }),
  z.object({ dtype: z.literal('DT_INT64'), shape, values: z.instanceof(BigInt64Array) }),
  z.object({ dtype: z.literal('DT_BOOL'), shape, values: z.instanceof(Uint8Array) }),
  z.object({ dtype: z.literal('DT_STRING'), shape, values: z.array(z.instanceof(Uint8Array)) }),
  z.object({ dtype: z.literal('DT_UINT8'), shape, values: z.instanceof(Uint8Array) }),
  z.object({ dtype: z.literal('DT_INT8'), shape, values: z.instanceof(Int8Array) }),
  z.object({ dtype: z.literal('DT_INT16'), shape, values: z.instanceof(Int16Array) }),
  z.object({ dtype: z.literal('DT_UINT16'), shape, values: z.instanceof(Uint16Array) }),
  z.object({ dtype: z.literal('DT_UINT32'), shape, values: z.instanceof(Uint32Array) }),
  z.object({ dtype: z.literal('DT_UINT64'), shape, values: z.instanceof(BigUint64Array) }),
  z.object({ dtype: z.literal('DT_HALF'), shape, values: halves }),
  z.object({ dtype: z.literal('DT_BFLOAT16'), shape, values: halves }),
  z.object({ dtype: z.literal('DT_COMPLEX64'), shape, values: z.instanceof(Float32Array) }),
  z.object({ dtype: z.literal('DT_COMPLEX128'), shape, values: z.instanceof(Float64Array) }),
])

/** Undefined stands for an unknown rank, so the key is there all the same. */
const knownShape = z.custom<readonly number[] | undefined>(
  (value) => value === undefined || (Array.isArray(value) && value.every(Number.isInteger)),
)
const typeName = z.custom<TypeName>((value) => typeof value === 'string' && isTypeName(value))
const infos = z.record(
  z.string(),
  z.object({ name: z.string(), dtype: typeName, shape: knownShape }),
)
const Signatures: z.ZodType<Record<string, SignatureDef>> = z.record(
  z.string(),
  z.object({
    methodName: z.string(),
    inputs: infos,
    outputs: infos,
    defaults: z.record(z.string(), TensorMessage).optional(),
  }),
)

/** What the TensorFlow host is asked. */
export const HostRequest = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('load'),
    model: z.int(),
    directory: z.string(),
    tags: z.array(z.string()),
    needsMending: z.boolean(),
    stamps: z
      .map(z.string(), z.tuple([z.bigint(), z.bigint(), z.bigint(), z.bigint()]).readonly())
      .readonly(),
  }),
  z.object({ kind: z.literal('unload'), model: z.int() }),
  z.object({
    kind: z.literal('run'),
    model: z.int(),
    inputs: z.array(z.object({ name: z.string(), tensor: TensorMessage })),
    outputs: z.array(z.string()),
    /** On the clock that all threads and processes share; undefined for none. */
    deadline: z.number().optional(),
  }),
])
export type HostRequest = z.output<typeof HostRequest>

/** What a probe's process is asked. */
export const ProbeRequest = z.object({
  directory: z.string(),
  engine: z.enum(['fast', 'tensorflow']),
  allowedOperations: z.array(z.string()).readonly(),
  requests: GoldenRequests,
})
export type ProbeRequest = z.output<typeof ProbeRequest>

const Engine = z.enum(['kernel', 'onnx', 'tensorflow'])

/** What it found. */
export const ProbeReply = z.object({
  /** What ran it. */
  engine: Engine,
  /** Faster engines that were passed over. */
  passedOver: z.array(z.object({ engine: Engine, reason: z.string() })).readonly(),
  signatures: Signatures,
  sizeBytes: z.number(),
  loadMs: z.number(),
  runMs: z.number(),
  answers: z.array(z.record(z.string(), TensorMessage)),
  /** Only operations ran that touch nothing outside the graph. */
  isPure: z.boolean(),
})
export type ProbeReply = z.output<typeof ProbeReply>

/** One request on the wire. */
export const Envelope = z.object({ id: z.int(), body: z.unknown() })

/** One answer on the wire; the causes of an error as their messages, outermost first. */
export const Reply = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('begun'), id: z.int() }),
  z.object({ kind: z.literal('done'), id: z.int(), result: z.unknown() }),
  z.object({
    kind: z.literal('failed'),
    id: z.int(),
    code: z.enum(InferenceErrorCode),
    message: z.string(),
    causes: z.array(z.string()),
  }),
])
export type Reply = z.output<typeof Reply>
