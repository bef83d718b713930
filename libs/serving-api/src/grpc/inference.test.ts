import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import {
  ClassificationRequestSchema,
  ClassificationResponseSchema,
} from '../generated/tensorflow_serving/apis/classification_pb.ts'
import {
  MultiInferenceRequestSchema,
  MultiInferenceResponseSchema,
} from '../generated/tensorflow_serving/apis/inference_pb.ts'
import { RegressionResponseSchema } from '../generated/tensorflow_serving/apis/regression_pb.ts'
import { ExampleSchema } from '../generated/tensorflow/core/example/example_pb.ts'
import { decodeInferenceRequest, decodeMultiInferenceRequest } from './inference-request.ts'
import {
  encodeClassificationResponse,
  encodeMultiInferenceResponse,
  encodeRegressionResponse,
} from './inference-response.ts'

const exampleOf = (name: string, value: number) =>
  create(ExampleSchema, {
    features: { feature: { [name]: { kind: { case: 'floatList', value: { value: [value] } } } } },
  })

const examples = [exampleOf('a', 1), exampleOf('a', 2)]
const modelSpec = { name: 'm', signatureName: 's' }

test('examples are taken as their bytes', () => {
  const bytes = toBinary(
    ClassificationRequestSchema,
    create(ClassificationRequestSchema, {
      modelSpec,
      input: { kind: { case: 'exampleList', value: { examples } } },
    }),
  )

  const request = decodeInferenceRequest(Buffer.from(bytes))

  expect(request.spec).toEqual({ name: 'm', signatureName: 's' })
  expect(request.examples.map((each) => fromBinary(ExampleSchema, each))).toEqual(examples)
})

test('each example has the context, which it overrules', () => {
  const context = create(ExampleSchema, {
    features: {
      feature: {
        ...exampleOf('a', 8).features?.feature,
        ...exampleOf('b', 9).features?.feature,
      },
    },
  })
  const bytes = toBinary(
    ClassificationRequestSchema,
    create(ClassificationRequestSchema, {
      input: { kind: { case: 'exampleListWithContext', value: { examples, context } } },
    }),
  )

  const [first] = decodeInferenceRequest(bytes).examples

  expect(first && fromBinary(ExampleSchema, first).features?.feature).toEqual({
    ...exampleOf('b', 9).features?.feature,
    ...exampleOf('a', 1).features?.feature,
  })
})

test('of two kinds of input the last one counts, and pieces of one are put together', () => {
  const inputOf = (kind: 'exampleList' | 'exampleListWithContext', at: number) =>
    toBinary(
      ClassificationRequestSchema,
      create(ClassificationRequestSchema, {
        input: { kind: { case: kind, value: { examples: examples.slice(at, at + 1) } } },
      }),
    )
  const parts = [inputOf('exampleListWithContext', 0), inputOf('exampleList', 0)]

  expect(decodeInferenceRequest(Buffer.concat(parts)).examples).toHaveLength(1)
  expect(
    decodeInferenceRequest(Buffer.concat([...parts, inputOf('exampleList', 1)])).examples,
  ).toHaveLength(2)
})

test('a request without anything has no spec and no examples', () => {
  expect(decodeInferenceRequest(new Uint8Array(0))).toEqual({ spec: undefined, examples: [] })
})

test('tasks keep their order', () => {
  const bytes = toBinary(
    MultiInferenceRequestSchema,
    create(MultiInferenceRequestSchema, {
      tasks: [{ modelSpec, methodName: 'tensorflow/serving/regress' }, {}],
      input: { kind: { case: 'exampleList', value: { examples } } },
    }),
  )

  expect(decodeMultiInferenceRequest(bytes)).toMatchObject({
    tasks: [
      { spec: { name: 'm', signatureName: 's' }, methodName: 'tensorflow/serving/regress' },
      { spec: { name: '', signatureName: '' }, methodName: '' },
    ],
    examples: [{}, {}],
  })
})

const classifications = {
  examples: 2,
  classes: 2,
  labels: ['car', '', 'bus', 'é'].map((label) => new TextEncoder().encode(label)),
  scores: Float32Array.of(0.5, 0, -0, NaN),
}
const answered = { name: 'm', version: 7n, signatureName: 's' }
const answeredSpec = {
  name: 'm',
  signatureName: 's',
  versionChoice: { case: 'version', value: { value: 7n } },
}
const classes = [
  {
    classes: [
      { label: 'car', score: 0.5 },
      { label: '', score: 0 },
    ],
  },
  {
    classes: [
      { label: 'bus', score: -0 },
      { label: 'é', score: NaN },
    ],
  },
]

test('classifications are written as the generated codec reads them', () => {
  const bytes = encodeClassificationResponse(answered, classifications)

  expect(fromBinary(ClassificationResponseSchema, bytes)).toMatchObject({
    modelSpec: answeredSpec,
    result: { classifications: classes },
  })
})

test('labels alone and scores alone leave the other out', () => {
  const labelsOnly = encodeClassificationResponse(answered, {
    ...classifications,
    scores: undefined,
  })
  const scoresOnly = encodeClassificationResponse(answered, {
    ...classifications,
    labels: undefined,
  })

  expect(fromBinary(ClassificationResponseSchema, labelsOnly).result).toMatchObject({
    classifications: [{ classes: [{ label: 'car', score: 0 }, {}] }, {}],
  })
  expect(fromBinary(ClassificationResponseSchema, scoresOnly).result).toMatchObject({
    classifications: [{ classes: [{ label: '', score: 0.5 }, {}] }, {}],
  })
})

test('regressions are written as the generated codec reads them', () => {
  const bytes = encodeRegressionResponse(answered, Float32Array.of(1.5, 0, -0, Infinity))

  expect(fromBinary(RegressionResponseSchema, bytes)).toMatchObject({
    modelSpec: answeredSpec,
    result: { regressions: [{ value: 1.5 }, { value: 0 }, { value: -0 }, { value: Infinity }] },
  })
})

test('results of several tasks say whose they are', () => {
  const bytes = encodeMultiInferenceResponse({ name: 'm', version: 7n }, [
    { kind: 'classify', signatureName: 's', classifications },
    { kind: 'regress', signatureName: 't', regressions: Float32Array.of(3) },
  ])

  expect(fromBinary(MultiInferenceResponseSchema, bytes).results).toMatchObject([
    {
      modelSpec: answeredSpec,
      result: { case: 'classificationResult', value: { classifications: classes } },
    },
    {
      modelSpec: { ...answeredSpec, signatureName: 't' },
      result: { case: 'regressionResult', value: { regressions: [{ value: 3 }] } },
    },
  ])
})
