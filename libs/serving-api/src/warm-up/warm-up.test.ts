import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { PredictionLogSchema } from '../generated/tensorflow_serving/apis/prediction_log_pb.ts'
import { crc32c } from '../crc32c.ts'
import { decodePredictionLog } from './prediction-log.ts'
import { readTfRecords } from './tf-records.ts'

/** The records `hello` and nothing, as TensorFlow 2.20 wrote them. */
const FILE = Buffer.from(
  '0500000000000000eab2043e68656c6c6fbb1f1c19000000000000000029039807d8ea82a2',
  'hex',
)

const errorOf = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error
  }
}

describe('files of records', () => {
  test('are read as TensorFlow writes them', () => {
    const records = Array.from(readTfRecords(FILE), (record) => Buffer.from(record).toString())

    expect(records).toEqual(['hello', ''])
    expect(Array.from(readTfRecords(new Uint8Array(0)))).toEqual([])
  })

  test('are checked by CRC-32C', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  test.each(Array.from(FILE, (_byte, index) => index))('are refused with byte %i changed', (at) => {
    const changed = Buffer.from(FILE)
    changed[at] = (changed[at] ?? 0) ^ 1

    expect(errorOf(() => Array.from(readTfRecords(changed)))).toMatchObject({ code: 'DATA_LOSS' })
  })

  test('are refused when they are cut off', () => {
    const ends = Array.from(FILE, (_byte, index) => index).filter((end) => end !== 0 && end !== 21)

    expect(ends).toHaveLength(FILE.length - 2)
    for (const end of ends)
      expect(errorOf(() => Array.from(readTfRecords(FILE.subarray(0, end))))).toMatchObject({
        code: 'DATA_LOSS',
        message: expect.stringMatching(
          /^truncated record at (0|21)\. Please verify your warmup data is in TFRecord format\.$/,
        ),
      })
  })
})

const encode = (fields: MessageInitShape<typeof PredictionLogSchema>): Uint8Array =>
  toBinary(PredictionLogSchema, create(PredictionLogSchema, fields))

describe('a record', () => {
  const request = { modelSpec: { name: 'm', signatureName: 's' } }
  const spec = { name: 'm', signatureName: 's' }

  test.each([
    ['predict', encode({ logType: { case: 'predictLog', value: { request } } }), { spec }],
    ['classify', encode({ logType: { case: 'classifyLog', value: { request } } }), { spec }],
    ['regress', encode({ logType: { case: 'regressLog', value: { request } } }), { spec }],
    [
      'multi_inference',
      encode({
        logType: { case: 'multiInferenceLog', value: { request: { tasks: [request] } } },
      }),
      { tasks: [{ spec }] },
    ],
  ])('of %s is the request', (kind, record, expected) => {
    expect(decodePredictionLog(record)).toMatchObject({ kind, request: expected })
  })

  test('of a kind that cannot be run is refused, and an empty one is nothing', () => {
    const session = encode({ logType: { case: 'sessionRunLog', value: {} } })
    const streamed = encode({ logType: { case: 'predictStreamedLog', value: {} } })

    expect(errorOf(() => decodePredictionLog(session))).toMatchObject({
      code: 'UNIMPLEMENTED',
      message: 'Unsupported log_type for warmup: 5',
    })
    expect(errorOf(() => decodePredictionLog(streamed))).toMatchObject({
      message: 'Unsupported log_type for warmup: 7',
    })
    expect(decodePredictionLog(new Uint8Array(0))).toBeUndefined()
  })

  test('that is none is refused', () => {
    expect(errorOf(() => decodePredictionLog(Uint8Array.of(0x0a, 0x05)))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Failed to parse warmup record',
    })
  })
})
