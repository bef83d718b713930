import { DataTypeNumber, PredictionService } from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import { describe, expect, test, vi } from 'vitest'
import { type Core, LANE_BODY_BYTES } from '../serving/core.ts'
import { ECHO, info, requestOf, signatures } from '../test-support/echo.ts'
import {
  coreOf,
  GrpcClient,
  startGrpc,
  type TestCore,
  type TestVersion,
} from '../test-support/grpc.ts'
import { encodeMetadata } from './metadata.ts'
import { answerBytes } from './port.ts'

const { classify, predict, getModelMetadata } = PredictionService.method

/** A lane that answers from this core, and the methods that it was sent. */
function startLane(inner: TestCore) {
  const sent: string[] = []
  const lane: Core['lane'] = {
    rest: async () => await Promise.reject(new Error('not asked')),
    grpc: async ({ method, body, deadlineMs }) => {
      sent.push(method)
      return await answerBytes(inner, method, body, deadlineMs)
    },
  }
  return { lane, sent }
}

test('what has a long answer lets others be answered while it is written', async () => {
  const values = new BigInt64Array(500_000).fill(-1n)
  const run: TestVersion['run'] = () => ({ y: { dtype: 'DT_INT64', shape: [500_000], values } })
  const core = coreOf({ echo: { 1: ECHO }, long: { 1: { signatures, run } } })
  await using grpc = await startGrpc({ core })
  const client = new GrpcClient(grpc.address, undefined, {
    'grpc.max_receive_message_length': -1,
  })

  const [long] = await Promise.all([
    client.ask(predict, requestOf('long')),
    client.ask(predict, requestOf('echo')),
  ])

  expect(core.observations.map(({ name }) => name)).toEqual(['echo', 'long'])
  expect(long.outputs.y?.int64Val).toHaveLength(500_000)
  client.close()
})

test('what is large goes to the lane, whose answer is passed on', async () => {
  const inner = coreOf({ echo: { 1: ECHO } })
  const { lane, sent } = startLane(inner)
  const core = { ...coreOf({ echo: { 1: ECHO } }), lane }
  await using grpc = await startGrpc({ core })

  const small = await grpc.client.ask(predict, requestOf('echo', 100))
  const large = await grpc.client.ask(predict, requestOf('echo', LANE_BODY_BYTES / 4))

  expect(small.outputs.y?.floatVal).toHaveLength(100)
  expect(large.outputs.y?.floatVal).toHaveLength(LANE_BODY_BYTES / 4)
  expect(sent).toEqual(['Predict'])
  expect(inner.observations).toMatchObject([{ name: 'echo', code: 'OK' }])
  await expect(grpc.client.ask(predict, requestOf('x', LANE_BODY_BYTES))).rejects.toMatchObject({
    code: status.NOT_FOUND,
  })
})

test('what has many strings goes to the lane, however short it is', async () => {
  const inner = coreOf({ echo: { 1: ECHO } })
  const { lane, sent } = startLane(inner)
  const core = { ...coreOf({ echo: { 1: ECHO } }), lane }
  await using grpc = await startGrpc({ core })
  const askFor = async (count: number) =>
    await grpc.client.ask(predict, {
      modelSpec: { name: 'echo' },
      inputs: {
        x: {
          dtype: DataTypeNumber.DT_STRING,
          tensorShape: { dim: [{ size: BigInt(count) }] },
          stringVal: Array.from({ length: count }, () => Buffer.alloc(0)),
        },
      },
    })

  await askFor(20_000)
  const { outputs } = await askFor(20_001)

  expect(sent).toEqual(['Predict'])
  expect(outputs.y?.stringVal).toHaveLength(20_001)
  expect(core.observations).toHaveLength(1)
  expect(inner.observations).toHaveLength(1)
})

const inputOf = (count: number) => ({
  kind: {
    case: 'exampleList' as const,
    value: { examples: Array.from({ length: count }, () => ({})) },
  },
})

test('what has many examples goes to the lane before what has many tensors', async () => {
  const inner = coreOf({ echo: { 1: ECHO } })
  const { lane, sent } = startLane(inner)
  await using grpc = await startGrpc({ core: { ...coreOf({ echo: { 1: ECHO } }), lane } })
  const modelSpec = { name: 'echo' }
  for (const count of [10, 20_000])
    await expect(
      grpc.client.ask(classify, { modelSpec, input: inputOf(count) }),
    ).rejects.toMatchObject({ code: expect.any(Number) })

  expect(sent).toEqual(['Classify'])
})

test('the lane hears of it when nobody waits for its answer any more', async () => {
  const signals: (AbortSignal | undefined)[] = []
  const lane: Core['lane'] = {
    rest: async () => await Promise.reject(new Error('not asked')),
    grpc: async ({ signal }) => {
      signals.push(signal)
      return await new Promise(() => {})
    },
  }
  await using grpc = await startGrpc({ core: { ...coreOf({}), lane } })

  const asked = grpc.client.ask(predict, requestOf('m', LANE_BODY_BYTES), {
    deadline: Date.now() + 300,
  })

  await expect(asked).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  await vi.waitUntil(() => signals[0]?.aborted === true)
})

describe('metadata', () => {
  const inputs = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x${index}`, info]))
  const many = { serving_default: { methodName: 'm', inputs, outputs: { y: info } } }

  test('is written once for a version', () => {
    const found = { name: 'm', version: 1n, signatures }

    expect(encodeMetadata(found)).toBe(encodeMetadata(found))
    expect(encodeMetadata({ ...found, version: 2n })).not.toEqual(encodeMetadata(found))
  })

  test('of many tensors is written in the lane', async () => {
    const inner = coreOf({ many: { 1: { ...ECHO, signatures: many } } })
    const { lane, sent } = startLane(inner)
    const core = {
      ...coreOf({ many: { 1: { ...ECHO, signatures: many } }, few: { 1: ECHO } }),
      lane,
    }
    await using grpc = await startGrpc({ core })
    const askOf = async (name: string) =>
      await grpc.client.ask(getModelMetadata, {
        modelSpec: { name },
        metadataField: ['signature_def'],
      })

    await askOf('few')
    const { metadata } = await askOf('many')

    expect(sent).toEqual(['GetModelMetadata'])
    expect(metadata['signature_def']?.value.length).toBeGreaterThan(300)
    expect(core.observations).toMatchObject([{ name: 'few', code: 'OK' }])
    expect(inner.observations).toMatchObject([{ name: 'many', code: 'OK' }])
  })
})
