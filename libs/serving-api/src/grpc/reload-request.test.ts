import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServingError } from '../errors.ts'
import { ReloadConfigRequestSchema } from '../generated/tensorflow_serving/apis/model_management_pb.ts'
import { ModelConfigSchema } from '../generated/tensorflow_serving/config/model_server_config_pb.ts'
import { decodeModelConfig, scanReloadRequest } from './reload-request.ts'

const encode = (fields: MessageInitShape<typeof ReloadConfigRequestSchema>): Uint8Array =>
  toBinary(ReloadConfigRequestSchema, create(ReloadConfigRequestSchema, fields))

const listOf = (...names: string[]): Uint8Array =>
  encode({
    config: {
      config: { case: 'modelConfigList', value: { config: names.map((name) => ({ name })) } },
    },
  })

const namesIn = (message: Uint8Array): string[] | undefined =>
  scanReloadRequest(message).models?.map((model) => decodeModelConfig(model).name)

describe('a reload request', () => {
  test('gives its models one by one, and the names of metrics', () => {
    const config: MessageInitShape<typeof ModelConfigSchema>[] = [
      { name: 'a', basePath: '/a', versionLabels: { stable: 2n ** 60n } },
      { name: 'b', modelType: 1 },
    ]
    const { models, metricNames } = scanReloadRequest(
      encode({
        config: { config: { case: 'modelConfigList', value: { config } } },
        metricNames: ['m', 'n'],
      }),
    )

    expect(models?.map((each) => decodeModelConfig(each))).toMatchObject(config)
    expect(metricNames).toEqual(['m', 'n'])
  })

  test('may hold an empty list, which is another thing than none', () => {
    expect(namesIn(listOf())).toEqual([])
    expect(namesIn(encode({ config: {} }))).toBeUndefined()
    expect(namesIn(encode({}))).toBeUndefined()
  })

  test('in pieces is what protobuf makes of them', () => {
    const custom = encode({ config: { config: { case: 'customModelConfig', value: {} } } })

    expect(namesIn(Buffer.concat([listOf('a'), listOf('b', 'c')]))).toEqual(['a', 'b', 'c'])
    expect(namesIn(Buffer.concat([listOf('a'), custom]))).toBeUndefined()
    expect(namesIn(Buffer.concat([custom, listOf('b')]))).toEqual(['b'])
  })

  test('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const read = (): unknown => {
          try {
            return namesIn(bytes)
          } catch (error) {
            if (error instanceof ServingError) return error
            throw error
          }
        }
        expect(read).not.toThrow()
      }),
      { numRuns: 2_000 },
    )
    expect(() => scanReloadRequest(Uint8Array.of(0x0a, 0x05))).toThrow('cut off')
    expect(() => decodeModelConfig(Uint8Array.of(0x0a, 0x05))).toThrow('no tensorflow.serving')
  })
})
