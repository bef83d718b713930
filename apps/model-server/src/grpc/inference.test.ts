import { anyUnpack } from '@bufbuild/protobuf/wkt'
import {
  DataTypeNumber,
  floatTensor,
  PredictionService,
  SignatureDefMapSchema,
  stringTensor,
} from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { coreOf, loadHalfPlus, startGrpc, type TestVersion } from '../test-support/grpc.ts'

const { classify, regress, multiInference, getModelMetadata } = PredictionService.method
const CLASSIFY = 'tensorflow/serving/classify'
const REGRESS = 'tensorflow/serving/regress'
const { DT_FLOAT } = DataTypeNumber

const text = (name: string) => ({ name: `${name}:0`, dtype: 'DT_STRING' as const, shape: [-1] })
const float = (name: string) => ({ name: `${name}:0`, dtype: 'DT_FLOAT' as const, shape: [-1, 1] })

/** Scores, and the values that `values` answers, are the lengths of the examples. */
const LENGTHS: TestVersion = {
  signatures: {
    serving_default: {
      methodName: CLASSIFY,
      inputs: { inputs: text('in') },
      outputs: { scores: float('scores') },
    },
    values: {
      methodName: REGRESS,
      inputs: { inputs: text('in') },
      outputs: { outputs: float('out') },
      defaults: { inputs: stringTensor(['a']) },
    },
  },
  run: ({ signature, inputs: { inputs } }) => {
    if (inputs?.dtype !== 'DT_STRING') throw new Error('no texts')
    const lengths = floatTensor(
      inputs.values.map(({ length }) => length),
      [inputs.values.length, 1],
    )
    return signature === 'values' ? { outputs: lengths } : { scores: lengths }
  },
}

const half = await loadHalfPlus(2)
const core = coreOf({ half: { 1: half, 2: half }, lengths: { 7: LENGTHS } }, { stable: 1n })
const grpc = await startGrpc({ core })
const { client } = grpc

beforeEach(() => {
  core.observations.length = 0
})
afterAll(async () => {
  await grpc[Symbol.asyncDispose]()
  await half[Symbol.asyncDispose]()
})

const examples = (...list: string[]) => ({
  kind: {
    case: 'exampleList' as const,
    value: { examples: list.map((x) => ({ features: { feature: { [x]: {} } } })) },
  },
})
const invalid = (details: string | RegExp) => ({
  code: status.INVALID_ARGUMENT,
  details: expect.stringMatching(details),
})
describe('Classify and Regress', () => {
  test('answer a score and a value for each example', async () => {
    const request = { modelSpec: { name: 'lengths' }, input: examples('a', 'bcd') }
    const classified = await client.ask(classify, request)
    const regressed = await client.ask(regress, {
      ...request,
      modelSpec: { name: 'lengths', signatureName: 'values' },
    })

    const scores = classified.result?.classifications.map(({ classes }) => classes[0]?.score)
    expect(scores).toHaveLength(2)
    expect((scores?.[1] ?? 0) - (scores?.[0] ?? 0)).toBeGreaterThan(0)
    expect(regressed.result?.regressions.map(({ value }) => value)).toEqual(scores)
    expect(classified.modelSpec).toMatchObject({
      name: 'lengths',
      signatureName: 'serving_default',
      versionChoice: { value: { value: 7n } },
    })
    expect(regressed.modelSpec?.signatureName).toBe('values')
  })

  test.each([
    ['no model_spec', {}, invalid(/^Missing ModelSpec$/)],
    ['no name', { modelSpec: {} }, invalid(/no name/)],
    ['an unknown model', { modelSpec: { name: 'foo' } }, { code: status.NOT_FOUND }],
    [
      'an unknown signature',
      { modelSpec: { name: 'lengths', signatureName: 's' } },
      invalid(/^No signature was found with the name: s$/),
    ],
    ['no examples', { modelSpec: { name: 'lengths' } }, invalid(/^Input is empty\.$/)],
    [
      'a signature for predictions',
      { modelSpec: { name: 'half' }, input: examples('a') },
      invalid(/^No classification inputs found in SignatureDef/),
    ],
  ])('Classify says what is wrong with %s', async (_what, request, error) => {
    await expect(client.ask(classify, request)).rejects.toMatchObject(error)
  })

  test('look at the method of a signature where the flag says so', async () => {
    await using strict = await startGrpc({ core, settings: { checksMethodNames: true } })
    const request = {
      modelSpec: { name: 'lengths', signatureName: 'values' },
      input: examples('a'),
    }

    await expect(strict.client.ask(classify, request)).rejects.toMatchObject(
      invalid(/Expected classification signature method_name/),
    )
  })
})

const task = (methodName: string, signatureName = '', name = 'lengths') => ({
  methodName,
  modelSpec: { name, signatureName },
})

describe('MultiInference', () => {
  test('answers its tasks in order', async () => {
    const { results } = await client.ask(multiInference, {
      tasks: [task(REGRESS, 'values'), task(CLASSIFY)],
      input: examples('a'),
    })

    expect(results.map(({ result }) => result.case)).toEqual([
      'regressionResult',
      'classificationResult',
    ])
    expect(results.map(({ modelSpec }) => modelSpec?.signatureName)).toEqual([
      'values',
      'serving_default',
    ])
    expect(core.observations).toMatchObject([{ name: 'lengths', api: 'multi_inference' }])
  })

  test.each([
    ['no tasks', [], invalid(/no name specified/)],
    [
      'two models',
      [task(CLASSIFY), task(CLASSIFY, 'values', 'half')],
      invalid(/must access the same model name/),
    ],
    [
      'one task twice',
      [task(CLASSIFY), task(CLASSIFY)],
      invalid(/^Duplicate evaluation of signature/),
    ],
    ['an unknown signature', [task(CLASSIFY, 's')], invalid(/^Requested signature not found/)],
    [
      'another method',
      [task('m')],
      { code: status.UNIMPLEMENTED, details: 'Unsupported signature method_name: m' },
    ],
  ])('says what is wrong with %s', async (_what, tasks, error) => {
    const asked = client.ask(multiInference, { tasks, input: examples('a') })

    await expect(asked).rejects.toMatchObject(error)
  })
})

describe('GetModelMetadata', () => {
  test('tells the signatures of the version', async () => {
    const { modelSpec, metadata } = await client.ask(getModelMetadata, {
      modelSpec: { name: 'half', versionChoice: { case: 'versionLabel', value: 'stable' } },
      metadataField: ['signature_def'],
    })

    expect(modelSpec).toMatchObject({
      name: 'half',
      signatureName: '',
      versionChoice: { value: { value: 1n } },
    })
    expect(Object.keys(metadata)).toEqual(['signature_def'])
    const any = metadata.signature_def
    expect(any?.typeUrl).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap')
    const map = any && anyUnpack(any, SignatureDefMapSchema)
    expect(map?.signatureDef.serving_default).toMatchObject({
      methodName: 'tensorflow/serving/predict',
      inputs: {
        x: {
          encoding: { case: 'name', value: 'x:0' },
          dtype: DT_FLOAT,
          tensorShape: { unknownRank: true },
        },
      },
      outputs: { y: { encoding: { case: 'name', value: 'y:0' } } },
    })
  })

  test('tells the values that stand in for inputs', async () => {
    const { metadata } = await client.ask(getModelMetadata, {
      modelSpec: { name: 'lengths' },
      metadataField: ['signature_def', 'signature_def'],
    })

    const any = metadata.signature_def
    const map = any && anyUnpack(any, SignatureDefMapSchema)
    expect(map?.signatureDef.values?.inputs.inputs?.tensorShape).toMatchObject({
      dim: [{ size: -1n }],
      unknownRank: false,
    })
    expect(map?.signatureDef.values?.defaults.inputs).toMatchObject({
      dtype: DataTypeNumber.DT_STRING,
      stringVal: [Buffer.from('a')],
      tensorShape: { dim: [{ size: 1n }] },
    })
  })

  test.each([
    ['no model_spec', {}, invalid(/^Missing ModelSpec$/)],
    [
      'no field',
      { modelSpec: { name: 'no' } },
      invalid(/must specify at least one metadata_field$/),
    ],
    [
      'an unknown field',
      { modelSpec: { name: 'no' }, metadataField: ['f'] },
      invalid(/^Metadata field f is not supported$/),
    ],
    [
      'an unknown model',
      { modelSpec: { name: 'no' }, metadataField: ['signature_def'] },
      { code: status.NOT_FOUND },
    ],
  ])('says what is wrong with %s', async (_what, request, error) => {
    await expect(client.ask(getModelMetadata, request)).rejects.toMatchObject(error)
  })
})
