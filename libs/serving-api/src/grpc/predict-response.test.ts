import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from '../generated/tensorflow_serving/apis/predict_pb.ts'
import { bytesOf, stringTensor, type Tensor } from '../tensor.ts'
import { tensorByRules } from '../test-support/tensor-rules.ts'
import { decodePredictRequest } from './predict-request.ts'
import { encodePredictResponse, predictResponseSteps } from './predict-response.ts'

const anOutput = fc.constantFrom<Tensor[]>(
  { dtype: 'DT_FLOAT', shape: [2, 2], values: Float32Array.of(1, -0, NaN, Infinity) },
  { dtype: 'DT_DOUBLE', shape: [], values: Float64Array.of(0.1) },
  { dtype: 'DT_INT32', shape: [3], values: Int32Array.of(-1, 0, 2 ** 31 - 1) },
  { dtype: 'DT_UINT8', shape: [2], values: Uint8Array.of(0, 255) },
  { dtype: 'DT_INT8', shape: [2], values: Int8Array.of(-128, 127) },
  { dtype: 'DT_INT16', shape: [1], values: Int16Array.of(-32_768) },
  { dtype: 'DT_UINT16', shape: [1], values: Uint16Array.of(65_535) },
  { dtype: 'DT_UINT32', shape: [1], values: Uint32Array.of(2 ** 32 - 1) },
  { dtype: 'DT_INT64', shape: [3], values: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 5n) },
  { dtype: 'DT_UINT64', shape: [2], values: BigUint64Array.of(2n ** 64n - 1n, 0n) },
  { dtype: 'DT_BOOL', shape: [2], values: Uint8Array.of(1, 0) },
  { dtype: 'DT_HALF', shape: [1], values: Uint16Array.of(15_360) },
  { dtype: 'DT_BFLOAT16', shape: [1], values: Uint16Array.of(16_256) },
  { dtype: 'DT_COMPLEX64', shape: [1], values: Float32Array.of(1, 2) },
  { dtype: 'DT_COMPLEX128', shape: [2], values: Float64Array.of(1, 2, 3, 4) },
  { dtype: 'DT_STRING', shape: [2], values: [Uint8Array.of(1, 2), new Uint8Array(0)] },
  { dtype: 'DT_STRING', shape: [1, 1], values: [new Uint8Array(300)] },
  { dtype: 'DT_FLOAT', shape: [0, 5], values: new Float32Array(0) },
  { dtype: 'DT_INT64', shape: [200], values: new BigInt64Array(200).fill(-1n) },
)

const anAnswer = fc.record({
  name: fc.string({ unit: 'grapheme' }),
  version: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  signatureName: fc.string(),
  outputs: fc.dictionary(
    fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
    anOutput,
    { maxKeys: 3 },
  ),
  asTensorContent: fc.boolean(),
})

test('what is written is read back the same by both codecs', () => {
  fc.assert(
    fc.property(anAnswer, ({ outputs, asTensorContent, ...spec }) => {
      const bytes = Uint8Array.from(encodePredictResponse(spec, outputs, { asTensorContent }))

      const { modelSpec, outputs: theirs } = fromBinary(PredictResponseSchema, bytes)
      expect(modelSpec).toMatchObject({
        name: spec.name,
        signatureName: spec.signatureName,
        versionChoice: { case: 'version', value: { value: spec.version } },
      })
      expect(Object.keys(theirs).toSorted()).toEqual(Object.keys(outputs).toSorted())
      for (const [alias, tensor] of Object.entries(outputs)) {
        const proto = theirs[alias]
        expect(proto?.tensorContent.length === 0).toBe(
          !asTensorContent || tensor.values.length === 0,
        )
        expect(proto && tensorByRules(proto)).toEqual(tensor)
      }
      const request = create(PredictRequestSchema, { inputs: theirs })
      expect(decodePredictRequest(toBinary(PredictRequestSchema, request)).inputs).toEqual(outputs)
    }),
    { numRuns: 1_000 },
  )
})

test('an answer names the version even if it is 0, and no signature where there is none', () => {
  const bytes = encodePredictResponse({ name: 'm', version: 0n }, {})

  expect(fromBinary(PredictResponseSchema, bytes).modelSpec).toMatchObject({
    name: 'm',
    signatureName: '',
    versionChoice: { case: 'version', value: { value: 0n } },
  })
})

/** The bytes of all values. */
const contentOf = (tensor: Tensor): Buffer =>
  tensor.dtype === 'DT_STRING' ? Buffer.concat(tensor.values) : Buffer.from(bytesOf(tensor))

test.each<[string, Tensor]>([
  ['floats', { dtype: 'DT_FLOAT', shape: [200_000], values: new Float32Array(200_000).fill(1) }],
  ['numbers', { dtype: 'DT_INT32', shape: [200_000], values: new Int32Array(200_000).fill(-7) }],
  [
    'long ones',
    { dtype: 'DT_INT64', shape: [200_000], values: new BigInt64Array(200_000).fill(9n) },
  ],
  ['texts', stringTensor(Array.from({ length: 20_000 }, (_, index) => `text ${index}`))],
  ['bytes of a text', stringTensor(['x'.repeat(1_000_000)])],
])('many %s are written with pauses, and come to the same', (_, tensor) => {
  for (const asTensorContent of [false, true]) {
    const steps = predictResponseSteps(
      { name: 'm', version: 1n },
      { y: tensor },
      { asTensorContent },
    )
    let pauses = 0
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) pauses++

    expect(pauses).toBeGreaterThan(5)
    const proto = fromBinary(PredictResponseSchema, Uint8Array.from(step.value)).outputs['y']
    const theirs = proto && tensorByRules(proto)
    expect(theirs?.shape).toEqual(tensor.shape)
    expect(theirs && contentOf(theirs).equals(contentOf(tensor))).toBe(true)
  }
})
