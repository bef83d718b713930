// The functions of Python that a SavedModel has beside its signatures, and what they take. No server calls them.

import { type TypeName, typeOfNumber } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { FIELDS } from './generated/fields.ts'
import { readEntry } from './read-graph.ts'
import { objectsBeside, SERVE_TAGS } from './read.ts'
import { readShape } from './tensor-proto.ts'
import { fieldsOf, readFields, textOf, type WireField } from './wire.ts'

/** Values in values, as deep as protobuf goes. */
const DEPTH_MAX = 50
/** Of all functions together. */
const VALUES_MAX = 100_000
const { StructuredValue: VALUE, SavedObject: OBJECT, TensorSpecProto: SPEC } = FIELDS

/** A value of Python. */
export type PythonValue =
  | { kind: 'none' | 'other' }
  | { kind: 'float'; value: number }
  /** In decimal. */
  | { kind: 'int'; value: string }
  | { kind: 'bool'; value: boolean }
  | { kind: 'string'; value: string }
  | { kind: 'shape'; value: readonly number[] | undefined }
  | { kind: 'type'; value: TypeName }
  | { kind: 'tensor'; name: string; shape: readonly number[] | undefined; dtype: TypeName }
  /** What stands for ragged tensors and others, by the name of its class and what that is made from. */
  | { kind: 'spec'; name: string; state: PythonValue }
  | { kind: 'list'; values: readonly PythonValue[] }
  | { kind: 'tuple'; values: readonly PythonValue[] }
  | { kind: 'dict'; entries: readonly (readonly [string, PythonValue])[] }

/** A function, once for each way in which it was traced. */
export interface PythonFunction {
  name: string
  options: readonly { args: readonly PythonValue[]; named: readonly string[] }[]
}

/**
 * The functions that are attributes of a model in Python, by their names; undefined where the graph with these tags
 * has none of Python's objects. Throws `SavedModelError`.
 */
export function pythonFunctionsIn(
  bytes: Uint8Array,
  tags: readonly string[] = SERVE_TAGS,
): PythonFunction[] | undefined {
  const objects = objectsBeside(bytes, tags)
  return objects && new Reader(objects).functions()
}

class Reader {
  readonly #nodes: Uint8Array[] = []
  /** What each traced function takes. */
  readonly #signatures = new Map<string, Uint8Array>()
  #left = VALUES_MAX

  constructor(objects: Uint8Array) {
    for (const { number, bytes } of readFields(objects)) {
      if (number === FIELDS.SavedObjectGraph.nodes) this.#nodes.push(bytes)
      if (number === FIELDS.SavedObjectGraph.concrete_functions)
        this.#signatures.set(...readEntry(bytes))
    }
  }

  functions(): PythonFunction[] {
    const [root = new Uint8Array()] = this.#nodes
    return Array.from(fieldsOf(root, OBJECT.children), ({ bytes }) => this.#childOf(bytes))
      .flatMap((found) => found ?? [])
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  #childOf(reference: Uint8Array): PythonFunction | undefined {
    const { node_id, local_name } = FIELDS.TrackableObjectGraph_TrackableObject_ObjectReference
    let id = 0
    for (const field of fieldsOf(reference, node_id)) id = Number(field.int)
    const name = textOf(reference, local_name)
    for (const { number, bytes } of readFields(this.#nodes[id] ?? new Uint8Array())) {
      if (number === OBJECT.function) {
        const traced = fieldsOf(bytes, FIELDS.SavedFunction.concrete_functions)
        return { name, options: Array.from(traced, ({ text }) => this.#option(text)) }
      }
      if (number === OBJECT.bare_concrete_function) {
        const { concrete_function_name } = FIELDS.SavedBareConcreteFunction
        return { name, options: [this.#option(textOf(bytes, concrete_function_name))] }
      }
    }
    return undefined
  }

  #option(traced: string): PythonFunction['options'][number] {
    const { canonicalized_input_signature } = FIELDS.SavedConcreteFunction
    const known = this.#signatures.get(traced) ?? new Uint8Array()
    for (const { bytes } of fieldsOf(known, canonicalized_input_signature)) {
      const both = this.#value(bytes)
      const [args, named] = both.kind === 'tuple' ? both.values : []
      return {
        args: args?.kind === 'tuple' ? args.values : [],
        named: named?.kind === 'dict' ? named.entries.map(([key]) => key) : [],
      }
    }
    return { args: [], named: [] }
  }

  #value(bytes: Uint8Array, depth = 0): PythonValue {
    if (depth > DEPTH_MAX || --this.#left < 0)
      throw new SavedModelError('TOO_LARGE', 'the functions of Python take too many values')
    let value: PythonValue = { kind: 'other' }
    for (const field of readFields(bytes)) value = plain(field) ?? this.#compound(field, depth + 1)
    return value
  }

  #compound({ number, bytes }: WireField, depth: number): PythonValue {
    const all = (values: number): PythonValue[] =>
      Array.from(fieldsOf(bytes, values), (field) => this.#value(field.bytes, depth))
    switch (number) {
      case VALUE.list_value:
        return { kind: 'list', values: all(FIELDS.ListValue.values) }
      case VALUE.tuple_value:
        return { kind: 'tuple', values: all(FIELDS.TupleValue.values) }
      case VALUE.dict_value: {
        const entries = Array.from(fieldsOf(bytes, FIELDS.DictValue.fields), (field) => {
          const [key, value] = readEntry(field.bytes)
          return [key, this.#value(value, depth)] as const
        })
        return { kind: 'dict', entries: entries.toSorted(([a], [b]) => (a < b ? -1 : 1)) }
      }
      case VALUE.type_spec_value: {
        const { type_spec_class_name, type_state } = FIELDS.TypeSpecProto
        const [state = { kind: 'other' }] = all(type_state)
        return { kind: 'spec', name: textOf(bytes, type_spec_class_name), state }
      }
      default:
        return { kind: 'other' }
    }
  }
}

/** A value that holds no others. */
function plain(field: WireField): PythonValue | undefined {
  switch (field.number) {
    case VALUE.none_value:
      return { kind: 'none' }
    case VALUE.float64_value: {
      const [value = 0] = field.doubles()
      return { kind: 'float', value }
    }
    case VALUE.int64_value:
      return { kind: 'int', value: `${unfolded(BigInt.asUintN(64, field.int))}` }
    case VALUE.string_value:
      return { kind: 'string', value: field.text }
    case VALUE.bool_value:
      return { kind: 'bool', value: field.int !== 0n }
    case VALUE.tensor_shape_value:
      return { kind: 'shape', value: readShape(field.bytes) }
    case VALUE.tensor_dtype_value:
      return { kind: 'type', value: typeOfNumber(Number(field.int)) }
    case VALUE.tensor_spec_value:
      return readSpec(field.bytes)
    default:
      return undefined
  }
}

/** Protobuf's sint64: the sign is the lowest bit. */
const unfolded = (value: bigint): bigint => (value >> 1n) ^ -(value & 1n)

function readSpec(bytes: Uint8Array): PythonValue {
  let [name, type]: [string, bigint] = ['', 0n]
  let shape: readonly number[] | undefined = []
  for (const field of readFields(bytes)) {
    if (field.number === SPEC.name) name = field.text
    if (field.number === SPEC.shape) shape = readShape(field.bytes)
    if (field.number === SPEC.dtype) type = field.int
  }
  return { kind: 'tensor', name, shape, dtype: typeOfNumber(Number(type)) }
}
