import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { Int64ValueSchema } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { ServingError } from '../errors.ts'
import { PredictRequestSchema } from '../generated/tensorflow_serving/apis/predict_pb.ts'
import { TensorProtoSchema } from '../generated/tensorflow/core/framework/tensor_pb.ts'
import { DataType } from '../generated/tensorflow/core/framework/types_pb.ts'
import { NAMES_MAX } from '../wire/budget.ts'
import { decodePredictRequest } from './predict-request.ts'

const encode = (fields: MessageInitShape<typeof PredictRequestSchema>): Uint8Array =>
  toBinary(PredictRequestSchema, create(PredictRequestSchema, fields))

const float = (...floatVal: number[]) => ({
  dtype: DataType.DT_FLOAT,
  tensorShape: { dim: [{ size: BigInt(floatVal.length) }] },
  floatVal,
})

const version = (value: bigint) => ({
  case: 'version' as const,
  value: create(Int64ValueSchema, { value }),
})

const repeat = (count: number, ...bytes: number[]): number[] =>
  Array.from({ length: count }, () => bytes).flat()

const codeOf = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error instanceof ServingError ? error.code : error
  }
}

test('a request is read as it was written', () => {
  const bytes = encode({
    modelSpec: { name: 'm', signatureName: 's', versionChoice: version(-(2n ** 63n)) },
    inputs: { x: float(1, 2), ü: float(3) },
    outputFilter: ['y', 'z'],
    clientId: Uint8Array.of(1),
    requestOptions: { maxCacheLength: 4n },
  })

  expect(decodePredictRequest(Buffer.from(bytes))).toEqual({
    spec: { name: 'm', signatureName: 's', version: -(2n ** 63n) },
    inputs: {
      x: { dtype: 'DT_FLOAT', shape: [2], values: Float32Array.of(1, 2) },
      ü: { dtype: 'DT_FLOAT', shape: [1], values: Float32Array.of(3) },
    },
    faults: new Set(),
    outputFilter: ['y', 'z'],
  })
})

test('an empty request has no spec', () => {
  expect(decodePredictRequest(new Uint8Array(0))).toEqual({
    spec: undefined,
    inputs: {},
    faults: new Set(),
    outputFilter: [],
  })
})

test('a spec in two pieces is one, and of version and label the last one counts', () => {
  const parts = [
    encode({ modelSpec: { name: 'a', versionChoice: version(7n) } }),
    encode({ modelSpec: { name: 'b', versionChoice: { case: 'versionLabel', value: 'stable' } } }),
    encode({ modelSpec: { signatureName: 's' } }),
  ]

  const { spec } = decodePredictRequest(Buffer.concat(parts))

  expect(spec).toEqual({ name: 'b', label: 'stable', signatureName: 's' })
})

test('of several inputs with one name the last one counts, be it a tensor or not', () => {
  const good = encode({ inputs: { x: float(1) } })
  const other = encode({ inputs: { x: float(2, 3) } })
  const bad = encode({ inputs: { x: { ...float(1), tensorContent: Uint8Array.of(1) } } })

  expect(decodePredictRequest(Buffer.concat([good, bad, other])).inputs['x']?.shape).toEqual([2])
  expect(decodePredictRequest(Buffer.concat([good, bad]))).toMatchObject({
    inputs: {},
    faults: new Set(['x']),
  })
})

test('an input in two pieces is one tensor', () => {
  const first = toBinary(TensorProtoSchema, create(TensorProtoSchema, float(1, 2)))
  const second = toBinary(TensorProtoSchema, create(TensorProtoSchema, { floatVal: [3, 4] }))
  const shape = create(TensorProtoSchema, { tensorShape: { dim: [{ size: 2n }] } })
  const entry = new BinaryWriter()
    .tag(2, WireType.LengthDelimited)
    .bytes(first)
    .tag(1, WireType.LengthDelimited)
    .string('x')
    .tag(2, WireType.LengthDelimited)
    .bytes(second)
    .tag(2, WireType.LengthDelimited)
    .bytes(toBinary(TensorProtoSchema, shape))
    .finish()
  const bytes = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(entry).finish()

  expect(decodePredictRequest(bytes).inputs['x']).toEqual({
    dtype: 'DT_FLOAT',
    shape: [2, 2],
    values: Float32Array.of(1, 2, 3, 4),
  })
  expect(fromBinary(PredictRequestSchema, bytes).inputs['x']?.floatVal).toEqual([1, 2, 3, 4])
})

test('an input named __proto__ is no tensor', () => {
  const inputs = Object.fromEntries([['__proto__', float(1)]])

  const request = decodePredictRequest(encode({ inputs }))

  expect(Object.keys(request.inputs)).toEqual([])
  expect(request.faults).toEqual(new Set(['__proto__']))
})

test.each<[string, number[]]>([
  ['a tag that is cut off', [0x80]],
  ['a field without a number', [0x00, 0x01]],
  ['a length beyond the end', [0x0a, 0x05, 0x0a]],
  ['a length of 4 GiB', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ['a length beyond 32 bits', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ['a number of eleven bytes', [0x20, ...repeat(10, 0x80), 0x01]],
  ['eight bytes that are seven', [0x21, 1, 2, 3, 4, 5, 6, 7]],
  ['a wire type that there is not', [0x26]],
  ['a group without an end', [0x23]],
  ['the end of a group without a start', [0x24]],
  ['a group that ends as another', [0x23, 0x2c]],
  ['a name that is no UTF-8', [0x0a, 0x03, 0x0a, 0x01, 0xff]],
  ['floats that end within one', [0x12, 0x07, 0x12, 0x05, 0x08, 0x01, 0x2a, 0x01, 0x00]],
])('%s is no request', (_name, bytes) => {
  expect(codeOf(() => decodePredictRequest(Uint8Array.from(bytes)))).toBe('INTERNAL')
})

const nested = (depth: number): Uint8Array =>
  Uint8Array.from([...repeat(depth, 0x23), ...repeat(depth, 0x24)])

test('groups are skipped, but not without end', () => {
  expect(decodePredictRequest(nested(100)).spec).toBeUndefined()
  expect(codeOf(() => decodePredictRequest(nested(1_000_000)))).toBe('INTERNAL')
})

test('neither inputs nor names of outputs may be without number', () => {
  const inputs = repeat(NAMES_MAX + 1, 0x12, 0x00)
  const outputs = repeat(NAMES_MAX + 1, 0x1a, 0x00)

  expect(codeOf(() => decodePredictRequest(Uint8Array.from(inputs)))).toBe('RESOURCE_EXHAUSTED')
  expect(codeOf(() => decodePredictRequest(Uint8Array.from(outputs)))).toBe('RESOURCE_EXHAUSTED')
})

test('a spec in thousands of pieces is refused', () => {
  const pieces = repeat(2_000, 0x0a, 0x00)

  expect(codeOf(() => decodePredictRequest(Uint8Array.from(pieces)))).toBe('INTERNAL')
})
