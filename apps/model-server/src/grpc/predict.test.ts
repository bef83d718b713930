import type { MessageInitShape } from '@bufbuild/protobuf'
import { DataTypeNumber, PredictionService } from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { coreOf, loadHalfPlus, startGrpc } from '../test-support/grpc.ts'
import { pathOf } from './messages.ts'

const { predict } = PredictionService.method
const { DT_FLOAT, DT_STRING } = DataTypeNumber

const half = await loadHalfPlus(2)
const core = coreOf({ half: { 1: half, 2: half } }, { stable: 1n })
const grpc = await startGrpc({ core })
const { client } = grpc

beforeEach(() => {
  core.observations.length = 0
})
afterAll(async () => {
  await grpc[Symbol.asyncDispose]()
  await half[Symbol.asyncDispose]()
})

type PredictInit = MessageInitShape<typeof predict.input>
type SpecInit = NonNullable<PredictInit['modelSpec']>
type TensorInit = NonNullable<PredictInit['inputs']>[string]

const floats = (...floatVal: number[]) =>
  ({
    dtype: DT_FLOAT,
    tensorShape: { dim: [{ size: BigInt(floatVal.length) }] },
    floatVal,
  }) satisfies TensorInit
const invalid = (details: string | RegExp) => ({
  code: status.INVALID_ARGUMENT,
  details: expect.stringMatching(details),
})
const escaped = (words: string): RegExp =>
  new RegExp(words.replaceAll(/[.*+?^${}()|[\]\\!]/g, '\\$&'))

describe('Predict', () => {
  test('answers in lists, and says which version and signature that was', async () => {
    const answer = await client.ask(predict, {
      modelSpec: { name: 'half' },
      inputs: { x: floats(2, 4) },
      outputFilter: ['y'],
    })

    expect(answer.outputs.y).toMatchObject({
      dtype: DT_FLOAT,
      floatVal: [3, 4],
      tensorShape: { dim: [{ size: 2n }] },
    })
    expect(answer.outputs.y?.tensorContent).toHaveLength(0)
    expect(answer.modelSpec).toMatchObject({
      name: 'half',
      signatureName: 'serving_default',
      versionChoice: { case: 'version', value: { value: 2n } },
    })
    expect(core.observations).toEqual([
      {
        name: 'half',
        entrypoint: 'GRPC',
        api: 'predict',
        code: 'OK',
        latencyMs: expect.any(Number),
      },
    ])
  })

  test('takes raw bytes for values', async () => {
    const tensorContent = new Uint8Array(Float32Array.of(10, 20).buffer)
    const x = { dtype: DT_FLOAT, tensorShape: { dim: [{ size: 2n }] }, tensorContent }

    const { outputs } = await client.ask(predict, { modelSpec: { name: 'half' }, inputs: { x } })

    expect(outputs.y?.floatVal).toEqual([7, 12])
  })

  test('answers in raw bytes where the flag says so', async () => {
    await using other = await startGrpc({
      core,
      settings: { grpc: { writesTensorContent: true } },
    })

    const request = { modelSpec: { name: 'half' }, inputs: { x: floats(2) } }
    const { outputs } = await other.client.ask(predict, request)

    expect(outputs.y?.floatVal).toEqual([])
    expect(outputs.y?.tensorContent).toEqual(Buffer.from(Float32Array.of(3).buffer))
  })

  test('finds versions by number and by label', async () => {
    const ask = async (versionChoice: NonNullable<SpecInit['versionChoice']>) => {
      const modelSpec: SpecInit = { name: 'half', versionChoice }
      const answer = await client.ask(predict, { modelSpec, inputs: { x: floats(2) } })
      return answer.modelSpec?.versionChoice.value
    }

    expect(await ask({ case: 'version', value: { value: 1n } })).toMatchObject({ value: 1n })
    expect(await ask({ case: 'versionLabel', value: 'stable' })).toMatchObject({ value: 1n })
  })

  const spec = { name: 'half' }
  test.each<[string, PredictInit, { code: status; details: unknown }]>([
    ['no model_spec', {}, invalid(/^Missing ModelSpec$/)],
    ['no name', { modelSpec: {} }, invalid(/^ModelSpec has no name specified\.$/)],
    [
      'an unknown model',
      { modelSpec: { name: 'test' } },
      { code: status.NOT_FOUND, details: 'Servable not found for request: Latest(test)' },
    ],
    [
      'an unknown version',
      { modelSpec: { name: 'half', versionChoice: { case: 'version', value: { value: 9n } } } },
      { code: status.NOT_FOUND, details: 'Servable not found for request: Specific(half, 9)' },
    ],
    [
      'an unknown label',
      { modelSpec: { name: 'half', versionChoice: { case: 'versionLabel', value: 'l' } } },
      invalid(/^Unrecognized servable version label: l$/),
    ],
    [
      'an unknown signature',
      { modelSpec: { name: 'half', signatureName: 's' } },
      { code: status.FAILED_PRECONDITION, details: 'Serving signature key "s" not found.' },
    ],
    [
      'too many inputs',
      { modelSpec: spec, inputs: { b: floats(1), a: floats(1) } },
      invalid(
        escaped(
          'input size does not match signature: 2!=1 len({a,b}) != len({x}). ' +
            'Sent extra: {a,b}. Missing but required: {x}.',
        ),
      ),
    ],
    [
      'another input',
      { modelSpec: spec, inputs: { a: floats(1) } },
      invalid(/not found in request .* default input alias set: $/),
    ],
    [
      'values that do not fill the shape',
      { modelSpec: spec, inputs: { x: { ...floats(1, 2), tensorContent: new Uint8Array(3) } } },
      invalid(/^tensor parsing error: x$/),
    ],
    [
      'texts for numbers',
      {
        modelSpec: spec,
        inputs: {
          x: {
            dtype: DT_STRING,
            tensorShape: { dim: [{ size: 1n }] },
            stringVal: [Buffer.from('a')],
          },
        },
      },
      invalid(/to be float but string is provided/),
    ],
    [
      'an unknown output',
      { modelSpec: spec, inputs: { x: floats(1) }, outputFilter: ['o'] },
      invalid(
        escaped(
          'output tensor alias not found in signature: o Outputs expected to be in the set {y}.',
        ),
      ),
    ],
    [
      'an output twice',
      { modelSpec: spec, inputs: { x: floats(1) }, outputFilter: ['y', 'y'] },
      invalid(/^duplicate output tensor alias: y$/),
    ],
  ])('says what is wrong with %s', async (_what, request, error) => {
    await expect(client.ask(predict, request)).rejects.toMatchObject(error)

    expect(core.observations).toMatchObject([{ code: status[error.code] }])
  })

  test('cuts long messages as upstream does', async () => {
    const name = 'ä'.repeat(2_000)

    const error = await client
      .ask(predict, { modelSpec: { name } })
      .catch((caught: unknown) => caught)

    const { details } = z.object({ details: z.string() }).parse(error)
    expect(details).toMatch(/ä\.\.\.TRUNCATED$/)
    expect(Buffer.byteLength(details)).toBeLessThanOrEqual(1_024 + '...TRUNCATED'.length)
  })
})

test('what is no message at all is INTERNAL, and counted', async () => {
  const asked = client.askBytes(pathOf(predict), Buffer.from([0x0a, 0xff]))

  await expect(asked).rejects.toMatchObject({ code: status.INTERNAL })
  expect(core.observations).toMatchObject([{ name: undefined, code: 'INTERNAL' }])
})

test('a service that is not offered is UNIMPLEMENTED', async () => {
  const asked = client.askBytes('/tensorflow.ProfilerService/Profile', Buffer.alloc(0))

  await expect(asked).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
})
