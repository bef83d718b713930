import { create, fromBinary, type MessageInitShape, toBinary, toJson } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { GetModelStatusResponseSchema } from '../generated/tensorflow_serving/apis/get_model_status_pb.ts'
import {
  ReloadConfigRequestSchema,
  ReloadConfigResponseSchema,
} from '../generated/tensorflow_serving/apis/model_management_pb.ts'
import { type VersionStatus, writeStatus } from '../status-json.ts'
import { decodeReloadRequest, encodeReloadResponse, encodeStatusResponse } from './model-service.ts'

const statuses: VersionStatus[] = [
  { version: 9n, state: 'AVAILABLE' },
  { version: 2n ** 62n, state: 'LOADING' },
  { version: 123n, state: 'END', error: 'broken', errorCode: 'DATA_LOSS' },
  { version: 5n, state: 'END', error: 'odd' },
]

test('the status in protobuf is the status in JSON', () => {
  const message = fromBinary(GetModelStatusResponseSchema, encodeStatusResponse(statuses))

  const json = toJson(GetModelStatusResponseSchema, message, { alwaysEmitImplicit: true })
  expect(json).toEqual(JSON.parse(writeStatus(statuses).toString()))
  expect(message.modelVersionStatus.map(({ version }) => version)).toEqual([
    2n ** 62n,
    123n,
    9n,
    5n,
  ])
})

const encode = (fields: MessageInitShape<typeof ReloadConfigRequestSchema>): Uint8Array =>
  toBinary(ReloadConfigRequestSchema, create(ReloadConfigRequestSchema, fields))

test('a list of models is read as it was sent', () => {
  const bytes = encode({
    config: {
      config: {
        case: 'modelConfigList',
        value: {
          config: [
            {
              name: 'a',
              basePath: '/a',
              modelPlatform: 'tensorflow',
              modelVersionPolicy: {
                policyChoice: { case: 'specific', value: { versions: [2n ** 60n] } },
              },
              versionLabels: { stable: 1n },
            },
            {
              name: 'b',
              modelType: 1,
              modelVersionPolicy: { policyChoice: { case: 'all', value: {} } },
            },
            {
              name: 'c',
              modelVersionPolicy: { policyChoice: { case: 'latest', value: { numVersions: 3 } } },
            },
            { name: 'd', modelVersionPolicy: {} },
          ],
        },
      },
    },
    metricNames: ['m'],
  })

  const nothing = { basePath: '', modelPlatform: '', modelType: undefined, versionLabels: {} }
  expect(decodeReloadRequest(bytes)).toEqual({
    models: [
      {
        name: 'a',
        basePath: '/a',
        modelPlatform: 'tensorflow',
        modelType: undefined,
        versionPolicy: { kind: 'specific', versions: [2n ** 60n] },
        versionLabels: { stable: 1n },
      },
      { ...nothing, name: 'b', modelType: 'TENSORFLOW', versionPolicy: { kind: 'all' } },
      { ...nothing, name: 'c', versionPolicy: { kind: 'latest', numVersions: 3 } },
      { ...nothing, name: 'd', versionPolicy: undefined },
    ],
    metricNames: ['m'],
  })
})

test('a config that is no list is refused in upstream words', () => {
  const message =
    'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is ' +
    'currently supported'
  const custom = encode({ config: { config: { case: 'customModelConfig', value: {} } } })

  for (const bytes of [custom, encode({ config: {} }), encode({})])
    expect(() => decodeReloadRequest(bytes)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message }),
    )
})

test('bytes that are no request are refused', () => {
  expect(() => decodeReloadRequest(Uint8Array.of(0x0a, 0x05))).toThrow(
    expect.objectContaining({ code: 'INTERNAL' }),
  )
})

test('the answer to a reload tells by how much counters grew', () => {
  const message = fromBinary(ReloadConfigResponseSchema, encodeReloadResponse({ m: 3n }))

  expect(message).toMatchObject({
    status: { errorCode: 0, errorMessage: '' },
    metric: [{ name: 'm', valueIncrease: { case: 'int64ValueIncrease', value: 3n } }],
  })
})
