import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  ModelConfigSchema,
  ModelService,
  ModelVersionStatus_State as State,
} from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { coreOf, startGrpc } from '../test-support/grpc.ts'

const VERSION = { signatures: {}, run: () => ({}) }
const core = coreOf({ m: { 1: VERSION, 2: VERSION } })

type ModelInit = MessageInitShape<typeof ModelConfigSchema>
type Policy = NonNullable<NonNullable<ModelInit['modelVersionPolicy']>['policyChoice']>
const policy = (policyChoice: Policy) => ({ modelVersionPolicy: { policyChoice } })

describe('ModelService', () => {
  const { getModelStatus, handleReloadConfigRequest } = ModelService.method

  test('tells the versions, highest first', async () => {
    await using grpc = await startGrpc({ core })

    const { modelVersionStatus } = await grpc.client.ask(getModelStatus, {
      modelSpec: { name: 'm' },
    })

    expect(modelVersionStatus).toMatchObject([
      { version: 2n, state: State.AVAILABLE, status: { errorCode: 0, errorMessage: '' } },
      { version: 1n, state: State.AVAILABLE },
    ])
  })

  test('looks at the version and not at the label', async () => {
    await using grpc = await startGrpc({ core })
    const ask = async (modelSpec: MessageInitShape<typeof getModelStatus.input>['modelSpec']) => {
      const request = modelSpec === undefined ? {} : { modelSpec }
      const answer = await grpc.client.ask(getModelStatus, request)
      return answer.modelVersionStatus.map(({ version }) => version)
    }

    expect(
      await ask({ name: 'm', versionChoice: { case: 'version', value: { value: 1n } } }),
    ).toEqual([1n])
    expect(await ask({ name: 'm', versionChoice: { case: 'versionLabel', value: 'no' } })).toEqual([
      2n,
      1n,
    ])
    await expect(ask(undefined)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'Missing ModelSpec',
    })
    await expect(ask({ name: 'x' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: 'Could not find any versions of model x',
    })
    await expect(
      ask({ name: 'm', versionChoice: { case: 'version', value: { value: 9n } } }),
    ).rejects.toMatchObject({ details: 'Could not find version 9 of model m' })
  })

  test('hands a list of models over as it was written', async () => {
    await using grpc = await startGrpc({ core })
    const models: ModelInit[] = [
      { name: 'a', basePath: '/a', modelPlatform: 'tensorflow' },
      { name: 'b', ...policy({ case: 'latest', value: { numVersions: 0 } }) },
      { name: 'c', ...policy({ case: 'all', value: {} }) },
      { name: 'd', ...policy({ case: 'specific', value: { versions: [2n, 2n ** 62n] } }) },
      { name: 'e', modelType: 1, versionLabels: { stable: 42n }, loggingConfig: {} },
    ]

    const answer = await grpc.client.ask(handleReloadConfigRequest, {
      config: { config: { case: 'modelConfigList', value: { config: models } } },
      metricNames: [':m', ':m'],
    })

    expect(answer).toMatchObject({
      status: { errorCode: 0 },
      metric: [{ name: ':m', valueIncrease: { value: 0n } }],
    })
    const latest = { kind: 'latest', numVersions: 1 }
    const model = {
      basePath: '',
      modelPlatform: '',
      modelType: 'UNSPECIFIED',
      versionLabels: {},
      versionPolicy: latest,
    }
    expect(core.reloads).toEqual([
      {
        models: [
          { ...model, name: 'a', basePath: '/a', modelPlatform: 'tensorflow' },
          { ...model, name: 'b' },
          { ...model, name: 'c', versionPolicy: { kind: 'all' } },
          { ...model, name: 'd', versionPolicy: { kind: 'specific', versions: [2n, 2n ** 62n] } },
          {
            ...model,
            name: 'e',
            modelType: 'TENSORFLOW',
            versionLabels: { stable: 42n },
            hasLogging: true,
          },
        ],
      },
    ])
  })

  test('waits for a reload no longer than the client', async () => {
    const waits: number[] = []
    const reload = async (_config: unknown, waitMs: number) => void waits.push(waitMs)
    await using grpc = await startGrpc({ core: { ...core, control: { ...core.control, reload } } })

    await grpc.client.ask(
      handleReloadConfigRequest,
      { config: { config: { case: 'modelConfigList', value: {} } } },
      { deadline: Date.now() + 5_000 },
    )

    expect(waits).toEqual([expect.any(Number)])
    expect(waits[0]).toBeLessThanOrEqual(5_000)
  })

  test('takes a list only, and beside an admin socket none', async () => {
    await using grpc = await startGrpc({ core })
    await using shut = await startGrpc({ core, isSinglePort: false })
    const list = { config: { case: 'modelConfigList' as const, value: {} } }

    await expect(grpc.client.ask(handleReloadConfigRequest, {})).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details:
        'ServerModelConfig type not supported by HandleReloadConfigRequest. ' +
        'Only ModelConfigList is currently supported',
    })
    await expect(
      shut.client.ask(handleReloadConfigRequest, { config: list }),
    ).rejects.toMatchObject({ code: status.PERMISSION_DENIED })
  })
})
