/** The element types that are carried so far, by TensorFlow's names and numbers (`types.proto`). */
export const DataType = {
  DT_FLOAT: 1,
  DT_DOUBLE: 2,
  DT_INT32: 3,
  DT_STRING: 7,
  DT_INT64: 9,
  DT_BOOL: 10,
} as const
export type DataType = keyof typeof DataType

/** The names of all element types. */
export const DATA_TYPES = [
  'DT_FLOAT',
  'DT_DOUBLE',
  'DT_INT32',
  'DT_STRING',
  'DT_INT64',
  'DT_BOOL',
] as const satisfies DataType[]

interface Values {
  DT_FLOAT: Float32Array
  DT_DOUBLE: Float64Array
  DT_INT32: Int32Array
  DT_STRING: Uint8Array[]
  DT_INT64: BigInt64Array
  DT_BOOL: Uint8Array
}

/** A dense tensor of one element type; `values` are in row-major order, strings are bytes. */
export interface TensorOf<D extends DataType> {
  dtype: D
  /** The size of each dimension; empty for a scalar. */
  shape: readonly number[]
  values: Values[D]
}

/** A dense tensor. Narrow it by `dtype`. */
export type Tensor = { [D in DataType]: TensorOf<D> }[DataType]

/** What a signature says of one of its tensors. */
export interface TensorInfo {
  /** The graph's name for it, with the port: `scores:0`. */
  name: string
  dtype: DataType
  /** -1 for an unknown dimension; undefined for an unknown rank. */
  shape: readonly number[] | undefined
}

/** A SavedModel's signature: what a caller may ask, by alias. */
export interface SignatureDef {
  methodName: string
  inputs: Readonly<Record<string, TensorInfo>>
  outputs: Readonly<Record<string, TensorInfo>>
}

/** How many elements a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

const encoder = new TextEncoder()
// A text may begin with a byte order mark, which is a character of it like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** A string tensor of these texts, in UTF-8; a vector unless a shape is given. */
export function stringTensor(
  texts: readonly string[],
  shape: readonly number[] = [texts.length],
): TensorOf<'DT_STRING'> {
  return { dtype: 'DT_STRING', shape, values: texts.map((text) => encoder.encode(text)) }
}

/** A float tensor of these numbers; a vector unless a shape is given. */
export function floatTensor(
  numbers: ArrayLike<number>,
  shape: readonly number[] = [numbers.length],
): TensorOf<'DT_FLOAT'> {
  return { dtype: 'DT_FLOAT', shape, values: Float32Array.from(numbers) }
}

/** The elements of a string tensor as text. */
export function textsOf(tensor: TensorOf<'DT_STRING'>): string[] {
  return tensor.values.map((bytes) => decoder.decode(bytes))
}
