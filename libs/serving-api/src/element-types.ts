/** The element types of tensors, by TensorFlow's names and numbers (`types.proto`). */
export const DataType = {
  DT_FLOAT: 1,
  DT_DOUBLE: 2,
  DT_INT32: 3,
  DT_UINT8: 4,
  DT_INT16: 5,
  DT_INT8: 6,
  DT_STRING: 7,
  DT_COMPLEX64: 8,
  DT_INT64: 9,
  DT_BOOL: 10,
  DT_BFLOAT16: 14,
  DT_UINT16: 17,
  DT_COMPLEX128: 18,
  DT_HALF: 19,
  DT_UINT32: 22,
  DT_UINT64: 23,
} as const
export type DataType = keyof typeof DataType

/** The names of all element types. */
export const DATA_TYPES = [
  'DT_FLOAT',
  'DT_DOUBLE',
  'DT_INT32',
  'DT_UINT8',
  'DT_INT16',
  'DT_INT8',
  'DT_STRING',
  'DT_COMPLEX64',
  'DT_INT64',
  'DT_BOOL',
  'DT_BFLOAT16',
  'DT_UINT16',
  'DT_COMPLEX128',
  'DT_HALF',
  'DT_UINT32',
  'DT_UINT64',
] as const satisfies DataType[]

/** The types that TensorFlow knows beside these: no tensor of them comes here, but signatures may name them. */
const FOREIGN_TYPES = {
  DT_INVALID: 0,
  DT_QINT8: 11,
  DT_QUINT8: 12,
  DT_QINT32: 13,
  DT_QINT16: 15,
  DT_QUINT16: 16,
  DT_RESOURCE: 20,
  DT_VARIANT: 21,
  DT_FLOAT8_E5M2: 24,
  DT_FLOAT8_E4M3FN: 25,
  DT_FLOAT8_E4M3FNUZ: 26,
  DT_FLOAT8_E4M3B11FNUZ: 27,
  DT_FLOAT8_E5M2FNUZ: 28,
  DT_INT4: 29,
  DT_UINT4: 30,
  DT_INT2: 31,
  DT_UINT2: 32,
  DT_FLOAT4_E2M1FN: 33,
} as const

/** A reference to a variable of a type: its number is this much higher. */
const REFERENCE = 100

const VALUE_TYPES = { ...DataType, ...FOREIGN_TYPES }
type ValueType = keyof typeof VALUE_TYPES

/** What a signature may say of an element type: also those of which no tensor comes here. */
export type TypeName = ValueType | `${Exclude<ValueType, 'DT_INVALID'>}_REF`

const isValueType = (name: string): name is ValueType => Object.hasOwn(VALUE_TYPES, name)

const NAMES = new Map<number, TypeName>()
for (const name of Object.keys(VALUE_TYPES)) {
  if (!isValueType(name)) continue
  NAMES.set(VALUE_TYPES[name], name)
  if (name !== 'DT_INVALID') NAMES.set(VALUE_TYPES[name] + REFERENCE, `${name}_REF`)
}
const NUMBERS = new Map<string, number>(Array.from(NAMES, ([number, name]) => [name, number]))

/** Whether this is one of TensorFlow's names of element types. */
export const isTypeName = (name: string): name is TypeName => NUMBERS.has(name)

/** TensorFlow's number of an element type. */
export const numberOfType = (name: TypeName): number => NUMBERS.get(name) ?? 0

/** The element type with a number; DT_INVALID where none is known that has it. */
export const typeOfNumber = (number: number): TypeName => NAMES.get(number) ?? 'DT_INVALID'

/** An element type as TensorFlow's error texts have it: `float`, `int64_ref`. */
export const typeText = (name: TypeName): string =>
  name === 'DT_INVALID' ? 'INVALID' : name.slice('DT_'.length).toLowerCase()

/** Whether tensors of this element type can come and go. */
export const isDataType = (name: string): name is DataType => Object.hasOwn(DataType, name)

/** What the elements of each type are kept in: halves by their bits, complex numbers as pairs. */
export const ARRAYS = {
  DT_FLOAT: Float32Array,
  DT_DOUBLE: Float64Array,
  DT_INT32: Int32Array,
  DT_UINT8: Uint8Array,
  DT_INT16: Int16Array,
  DT_INT8: Int8Array,
  DT_COMPLEX64: Float32Array,
  DT_INT64: BigInt64Array,
  DT_BOOL: Uint8Array,
  DT_BFLOAT16: Uint16Array,
  DT_UINT16: Uint16Array,
  DT_COMPLEX128: Float64Array,
  DT_HALF: Uint16Array,
  DT_UINT32: Uint32Array,
  DT_UINT64: BigUint64Array,
} as const satisfies Record<Exclude<DataType, 'DT_STRING'>, unknown>

/** Every element type but text. */
export type NumericType = keyof typeof ARRAYS

/** Whether an element type is any but text. */
export const isNumericType = (name: string): name is NumericType => Object.hasOwn(ARRAYS, name)

/** How many entries of `values` one element takes: two for a complex number. */
export const partsOf = (dtype: DataType): 1 | 2 =>
  dtype === 'DT_COMPLEX64' || dtype === 'DT_COMPLEX128' ? 2 : 1

/** The bytes of one element. */
export const bytesOfType = (dtype: NumericType): number =>
  ARRAYS[dtype].BYTES_PER_ELEMENT * partsOf(dtype)

const NOT_IN_JSON = [
  'DT_UINT16',
  'DT_HALF',
  'DT_BFLOAT16',
  'DT_COMPLEX64',
  'DT_COMPLEX128',
] as const

/** The element types whose values the REST API can take and give. */
export type JsonDataType = Exclude<DataType, (typeof NOT_IN_JSON)[number]>

/** Whether the REST API can take and give values of this element type. */
export const isJsonDataType = (name: TypeName): name is JsonDataType =>
  isDataType(name) && !NOT_IN_JSON.some((each) => each === name)
