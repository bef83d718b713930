// The rules of TensorFlow's `Tensor::FromProto` once more, written for clearness: for tests only.

import { ARRAYS, DATA_TYPES, DataType, partsOf } from '../element-types.ts'
import type { TensorProto } from '../generated/tensorflow/core/framework/tensor_pb.ts'
import { sizeOf, type Tensor, tensorOfBuffer } from '../tensor.ts'

type Entry = number | bigint | Uint8Array
type Numbers = Exclude<Tensor['dtype'], 'DT_STRING'>

/** The tensor of a message; undefined if there is none. Shapes must be small. */
export function tensorByRules(proto: TensorProto): Tensor | undefined {
  const dtype = DATA_TYPES.find((name) => DataType[name] === proto.dtype)
  const shape = (proto.tensorShape?.dim ?? []).map(({ size }) => Number(size))
  if (dtype === undefined || shape.some((size) => size < 0)) return undefined
  const hasContent = proto.tensorContent.length > 0 && sizeOf(shape) > 0
  if (dtype !== 'DT_STRING')
    return hasContent
      ? ofContent(proto.tensorContent, dtype, shape)
      : ofEntries(proto, dtype, shape)
  const values = hasContent
    ? textsOf(proto.tensorContent, sizeOf(shape))
    : fill(proto.stringVal, shape, new Uint8Array(0))
  return values && { dtype, shape, values }
}

function ofContent(content: Uint8Array, dtype: Numbers, shape: number[]): Tensor | undefined {
  const isFull = content.length === sizeOf(shape) * partsOf(dtype) * ARRAYS[dtype].BYTES_PER_ELEMENT
  const isBool = dtype !== 'DT_BOOL' || content.every((byte) => byte < 2)
  return isFull && isBool ? tensorOfBuffer(dtype, shape, content.slice().buffer) : undefined
}

function ofEntries(proto: TensorProto, dtype: Numbers, shape: number[]): Tensor {
  const parts = partsOf(dtype)
  const list = LISTS[dtype](proto)
  const pairs = list.slice(0, list.length - (list.length % parts))
  const zero = dtype === 'DT_INT64' || dtype === 'DT_UINT64' ? 0n : 0
  const columns = Array.from({ length: parts }, (_, part) =>
    fill(
      pairs.filter((_entry, index) => index % parts === part),
      shape,
      zero,
    ),
  )
  const values = new ARRAYS[dtype](sizeOf(shape) * parts)
  for (let index = 0; index < values.length; index++)
    // A typed array cuts numbers to its size, as C++ does.
    Reflect.set(values, index, columns[index % parts]?.[Math.floor(index / parts)])
  return tensorOfBuffer(dtype, shape, values.buffer)
}

/** As many entries as the shape has: the last one again and again, or nothings. */
const fill = <T>(list: readonly T[], shape: readonly number[], nothing: T): T[] =>
  Array.from({ length: sizeOf(shape) }, (_, index) => list[index] ?? list.at(-1) ?? nothing)

const ints = ({ intVal }: TensorProto): Entry[] => intVal
const halves = ({ halfVal }: TensorProto): Entry[] => halfVal

const LISTS: Readonly<Record<Numbers, (proto: TensorProto) => Entry[]>> = {
  DT_FLOAT: ({ floatVal }) => floatVal,
  DT_DOUBLE: ({ doubleVal }) => doubleVal,
  DT_COMPLEX64: ({ scomplexVal }) => scomplexVal,
  DT_COMPLEX128: ({ dcomplexVal }) => dcomplexVal,
  DT_INT64: ({ int64Val }) => int64Val,
  DT_UINT64: ({ uint64Val }) => uint64Val,
  DT_UINT32: ({ uint32Val }) => uint32Val,
  DT_BOOL: ({ boolVal }) => boolVal.map(Number),
  DT_HALF: halves,
  DT_BFLOAT16: halves,
  DT_INT32: ints,
  DT_INT16: ints,
  DT_INT8: ints,
  DT_UINT16: ints,
  DT_UINT8: ints,
}

/** The lengths of all, then the bytes of all; they must be all that there is. */
function textsOf(content: Uint8Array, size: number): Uint8Array[] | undefined {
  const [, lengths = '', texts = ''] =
    new RegExp(`^((?:[\\x80-\\xff]{0,4}[\\0-\\x7f]){${size}})(.*)$`, 's').exec(
      Buffer.from(content).toString('latin1'),
    ) ?? []
  let at = 0
  const cut = Array.from(lengths.matchAll(/[\x80-\xff]*[\0-\x7f]/g), ([varint]) => {
    const length = Array.from(varint).reduce(
      (sum, byte, index) => sum + (byte.charCodeAt(0) & 0x7f) * 128 ** index,
      0,
    )
    return texts.slice(at, (at += length))
  })
  const isAll = cut.length === size && at === texts.length
  return isAll ? cut.map((text) => Uint8Array.from(Buffer.from(text, 'latin1'))) : undefined
}
