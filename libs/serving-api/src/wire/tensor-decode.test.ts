// What TensorFlow 2.20 does was asked of `tf.raw_ops.ParseTensor`, which is `Tensor::FromProto`.

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { ServingError } from '../errors.ts'
import {
  type TensorProto,
  TensorProtoSchema,
} from '../generated/tensorflow/core/framework/tensor_pb.ts'
import { DataType } from '../generated/tensorflow/core/framework/types_pb.ts'
import type { Tensor } from '../tensor.ts'
import { FILLED_BYTES_MAX, RequestBudget, STRINGS_MAX } from './budget.ts'
import { decodeTensorProto } from './tensor-decode.ts'

type Fields = Exclude<MessageInitShape<typeof TensorProtoSchema>, TensorProto>

const bytesOfProto = (fields: Fields): Uint8Array =>
  toBinary(TensorProtoSchema, create(TensorProtoSchema, fields))

const shaped = (...sizes: (number | bigint)[]) => ({
  tensorShape: { dim: sizes.map((size) => ({ size: BigInt(size) })) },
})

const decode = (fields: Fields): Tensor | undefined =>
  decodeTensorProto(bytesOfProto(fields), new RequestBudget())

const valuesOf = (fields: Fields): unknown => {
  const tensor = decode(fields)
  return tensor && Array.from<unknown>(tensor.values)
}

const ones = (count: number): number[] => Array.from({ length: count }, () => 1)
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const floatBytes = (...values: number[]): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer)

describe('listed values', () => {
  const dtype = DataType.DT_FLOAT

  test.each<[string, Fields, number[]]>([
    ['as many as the shape has', { dtype, ...shaped(2), floatVal: [1, 2] }, [1, 2]],
    ['too many are ignored', { dtype, ...shaped(2), floatVal: [1, 2, 3] }, [1, 2]],
    ['the last one fills up', { dtype, ...shaped(5), floatVal: [1, 2] }, [1, 2, 2, 2, 2]],
    ['one fills all', { dtype, ...shaped(2, 3), floatVal: [7] }, [7, 7, 7, 7, 7, 7]],
    ['none are zeros', { dtype, ...shaped(2) }, [0, 0]],
    ['a list of another type is none', { dtype, ...shaped(2), intVal: [1, 2] }, [0, 0]],
    ['a scalar takes the first', { dtype, floatVal: [4, 5] }, [4]],
    ['nothing is nothing', { dtype, ...shaped(0), floatVal: [1] }, []],
    [
      'bytes win over them',
      { dtype, ...shaped(1), floatVal: [1], tensorContent: floatBytes(9) },
      [9],
    ],
    [
      'an unknown rank is not heeded',
      { dtype, tensorShape: { unknownRank: true }, floatVal: [3] },
      [3],
    ],
  ])('%s', (_name, fields, values) => {
    expect(valuesOf(fields)).toEqual(values)
  })

  test.each<[string, Fields, unknown[]]>([
    ['DT_DOUBLE', { dtype: DataType.DT_DOUBLE, doubleVal: [0.1] }, [0.1, 0.1]],
    ['DT_INT32', { dtype: DataType.DT_INT32, intVal: [-5, 2 ** 31 - 1] }, [-5, 2 ** 31 - 1]],
    ['DT_UINT8', { dtype: DataType.DT_UINT8, intVal: [300, -1] }, [44, 255]],
    ['DT_INT8', { dtype: DataType.DT_INT8, intVal: [300, 128] }, [44, -128]],
    ['DT_INT16', { dtype: DataType.DT_INT16, intVal: [40_000, 7] }, [-25_536, 7]],
    ['DT_UINT16', { dtype: DataType.DT_UINT16, intVal: [70_000, -1] }, [4_464, 65_535]],
    [
      'DT_UINT32',
      { dtype: DataType.DT_UINT32, uint32Val: [2 ** 32 - 1] },
      [2 ** 32 - 1, 2 ** 32 - 1],
    ],
    ['DT_UINT32 by int_val', { dtype: DataType.DT_UINT32, intVal: [5] }, [0, 0]],
    ['DT_INT64', { dtype: DataType.DT_INT64, int64Val: [-(2n ** 63n), 5n] }, [-(2n ** 63n), 5n]],
    [
      'DT_UINT64',
      { dtype: DataType.DT_UINT64, uint64Val: [2n ** 64n - 1n] },
      [2n ** 64n - 1n, 2n ** 64n - 1n],
    ],
    ['DT_BOOL', { dtype: DataType.DT_BOOL, boolVal: [true, false] }, [1, 0]],
    ['DT_HALF', { dtype: DataType.DT_HALF, halfVal: [15_360 + 65_536] }, [15_360, 15_360]],
    ['DT_BFLOAT16', { dtype: DataType.DT_BFLOAT16, halfVal: [16_256, 1] }, [16_256, 1]],
    ['DT_COMPLEX64', { dtype: DataType.DT_COMPLEX64, scomplexVal: [1, 2] }, [1, 2, 1, 2]],
    [
      'DT_COMPLEX64, half of one more',
      { dtype: DataType.DT_COMPLEX64, scomplexVal: [1, 2, 3] },
      [1, 2, 1, 2],
    ],
    ['DT_COMPLEX64, half of one', { dtype: DataType.DT_COMPLEX64, scomplexVal: [1] }, [0, 0, 0, 0]],
    ['DT_COMPLEX128', { dtype: DataType.DT_COMPLEX128, dcomplexVal: [1, 2, 3, 4] }, [1, 2, 3, 4]],
    ['DT_STRING', { dtype: DataType.DT_STRING, stringVal: [text('a')] }, [text('a'), text('a')]],
    ['DT_STRING, none', { dtype: DataType.DT_STRING }, [text(''), text('')]],
  ])('%s', (_name, fields, values) => {
    expect(valuesOf({ ...fields, ...shaped(2) })).toEqual(values)
  })
})

describe('bytes', () => {
  test.each<[string, DataType, Uint8Array, unknown[]]>([
    ['floats', DataType.DT_FLOAT, floatBytes(1, -2), [1, -2]],
    ['bools', DataType.DT_BOOL, Uint8Array.of(1, 0), [1, 0]],
    ['int64s', DataType.DT_INT64, new Uint8Array(BigInt64Array.of(-1n, 2n).buffer), [-1n, 2n]],
    ['strings', DataType.DT_STRING, Uint8Array.of(1, 2, 97, 98, 98), [text('a'), text('bb')]],
  ])('%s', (_name, dtype, tensorContent, values) => {
    expect(valuesOf({ dtype, ...shaped(2), tensorContent })).toEqual(values)
  })

  test.each<[string, DataType, Uint8Array]>([
    ['too few', DataType.DT_FLOAT, floatBytes(1)],
    ['too many', DataType.DT_FLOAT, floatBytes(1, 2, 3)],
    ['a third truth value', DataType.DT_BOOL, Uint8Array.of(2, 0)],
    ['strings cut off', DataType.DT_STRING, Uint8Array.of(1, 2, 97, 98)],
    ['strings and more', DataType.DT_STRING, Uint8Array.of(1, 2, 97, 98, 98, 99)],
    ['a length cut off', DataType.DT_STRING, Uint8Array.of(1, 0x80)],
  ])('%s are no tensor', (_name, dtype, tensorContent) => {
    expect(decode({ dtype, ...shaped(2), tensorContent })).toBeUndefined()
  })

  test('are where they came unless they are the smaller part of a buffer', () => {
    const tensorContent = new Uint8Array(4_096)
    const message = bytesOfProto({ dtype: DataType.DT_UINT8, ...shaped(4_096), tensorContent })
    const inPool = new Uint8Array(16_384)
    inPool.set(message, 100)

    const own = decodeTensorProto(message.slice(), new RequestBudget())
    const part = decodeTensorProto(inPool.subarray(100, 100 + message.length), new RequestBudget())

    expect(own?.dtype === 'DT_UINT8' && own.values.buffer.byteLength).toBe(message.length)
    expect(part?.dtype === 'DT_UINT8' && part.values.buffer.byteLength).toBe(4_096)
  })
})

describe('what no tensor can be', () => {
  const dtype = DataType.DT_FLOAT

  test.each<[string, Fields]>([
    ['a negative size', { dtype, ...shaped(-1), floatVal: [1] }],
    ['more elements than can be counted', { dtype, ...shaped(2n ** 62n, 4) }],
    ['that, before a zero', { dtype, ...shaped(2n ** 62n, 4, 0) }],
    ['255 dimensions', { dtype, ...shaped(...ones(255)) }],
    ['no element type', { ...shaped(1), floatVal: [1] }],
    ['an element type that is not carried', { dtype: DataType.DT_RESOURCE, ...shaped(1) }],
    ['more zeros than there is memory for', { dtype, ...shaped(2 ** 40) }],
    ['more strings than there is memory for', { dtype: DataType.DT_STRING, ...shaped(2 ** 40) }],
  ])('%s', (_name, fields) => {
    expect(decode(fields)).toBeUndefined()
  })

  test('254 dimensions and a huge one behind a zero are fine', () => {
    expect(decode({ dtype, ...shaped(...ones(254)) })?.shape).toHaveLength(254)
    expect(decode({ dtype, ...shaped(0, 2n ** 62n, 4) })?.values).toHaveLength(0)
  })

  test('zeros of several inputs count together', () => {
    const budget = new RequestBudget()
    const half = bytesOfProto({ dtype: DataType.DT_UINT8, ...shaped(FILLED_BYTES_MAX / 2 + 1) })

    expect(decodeTensorProto(half, budget)?.values).toHaveLength(FILLED_BYTES_MAX / 2 + 1)
    expect(decodeTensorProto(half, budget)?.values).toHaveLength(FILLED_BYTES_MAX / 2 + 1)
    expect(decodeTensorProto(half, budget)).toBeUndefined()
  })

  test('too many strings are refused', () => {
    const size = STRINGS_MAX + 1
    const head = bytesOfProto({ dtype: DataType.DT_STRING, ...shaped(size) })
    const oneText = bytesOfProto({ stringVal: [text('a')] })
    const message = Buffer.concat([head, Buffer.alloc(oneText.length * size, oneText)])

    expect(() => decodeTensorProto(message, new RequestBudget())).toThrow(ServingError)
  })
})
