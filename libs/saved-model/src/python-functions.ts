// The functions of Python that a SavedModel has beside its signatures, and what they take. No server calls them.

import { type TypeName, typeOfNumber } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { FIELDS } from './generated/fields.ts'
import { readEntry } from './maps.ts'
import { objectsBeside, SERVE_TAGS } from './read.ts'
import { readShape } from './tensor-proto.ts'
import { fieldsOf, readFields, textOf, type WireField } from './wire.ts'

/** Values in values, as deep as protobuf goes. */
const DEPTH_MAX = 50
/** Of all functions together. */
const VALUES_MAX = 100_000
/** Python's objects and functions of a model; Keras makes some thousands of large ones. */
const OBJECTS_MAX = 1_000_000
const CHILDREN_MAX = 10_000
const { StructuredValue: VALUE, SavedObject: OBJECT, TensorSpecProto: SPEC } = FIELDS

const NONE = new Uint8Array()

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

/** An attribute of the model that is a function, and the names of its traces. */
interface Child {
  name: string
  traces: readonly string[]
}

class Reader {
  readonly #objects: Uint8Array
  #left = VALUES_MAX

  constructor(objects: Uint8Array) {
    this.#objects = objects
  }

  functions(): PythonFunction[] {
    const children = this.#children()
    const traces = new Set(children.flatMap((child) => child.traces))
    const signatures = new Map<string, Uint8Array>()
    for (const { bytes } of this.#each(FIELDS.SavedObjectGraph.concrete_functions)) {
      const [name, signature] = readEntry(bytes)
      if (traces.has(name)) signatures.set(name, signature.bytes)
    }
    return children
      .map((child) => ({
        name: child.name,
        options: child.traces.map((trace) => this.#option(signatures.get(trace))),
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  *#each(number: number): Generator<WireField> {
    let count = 0
    for (const field of fieldsOf(this.#objects, number)) {
      if (++count > OBJECTS_MAX) throw tooMany(`objects or functions than ${OBJECTS_MAX}`)
      yield field
    }
  }

  /** Those that the first object has, which is the model. */
  #children(): Child[] {
    const names = new Map<number, string[]>()
    const children: Child[] = []
    let id = 0
    for (const { bytes } of this.#each(FIELDS.SavedObjectGraph.nodes)) {
      if (id === 0) addNames(names, bytes)
      const called = names.get(id++) ?? []
      const traces = called.length > 0 ? this.#tracesOf(bytes) : undefined
      if (traces !== undefined) for (const name of called) children.push({ name, traces })
    }
    return children
  }

  #tracesOf(object: Uint8Array): string[] | undefined {
    for (const { number, bytes } of readFields(object)) {
      if (number === OBJECT.bare_concrete_function)
        return [textOf(bytes, FIELDS.SavedBareConcreteFunction.concrete_function_name)]
      if (number !== OBJECT.function) continue
      const traces: string[] = []
      for (const { text } of fieldsOf(bytes, FIELDS.SavedFunction.concrete_functions)) {
        this.#take()
        traces.push(text)
      }
      return traces
    }
    return undefined
  }

  #take(): void {
    if (--this.#left < 0) throw tooMany(`values of Python than ${VALUES_MAX}`)
  }

  #option(known: Uint8Array = NONE): PythonFunction['options'][number] {
    const { canonicalized_input_signature } = FIELDS.SavedConcreteFunction
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
    this.#take()
    if (depth > DEPTH_MAX) throw tooMany(`values in each other than ${DEPTH_MAX}`)
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
          return [key, this.#value(value.bytes, depth)] as const
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

const tooMany = (what: string): SavedModelError =>
  new SavedModelError('TOO_LARGE', `the model has more ${what}`)

/** By the number of an object, the names of the attributes that it is. */
function addNames(names: Map<number, string[]>, root: Uint8Array): void {
  const { node_id, local_name } = FIELDS.TrackableObjectGraph_TrackableObject_ObjectReference
  let count = 0
  for (const { bytes } of fieldsOf(root, OBJECT.children)) {
    if (++count > CHILDREN_MAX) throw tooMany(`attributes than ${CHILDREN_MAX}`)
    let id = 0
    for (const field of fieldsOf(bytes, node_id)) id = Number(field.int)
    names.set(id, [...(names.get(id) ?? []), textOf(bytes, local_name)])
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
