import { typeOfNumber } from '@drover/serving-api'
import type { Budget } from './budget.ts'
import { SavedModelError } from './errors.ts'
import {
  type AttrValue,
  type FunctionDef,
  functionsIn,
  type GraphDef,
  type NodeDef,
} from './graph.ts'
import { dataTypeOf, readShape, readTensor } from './tensor-proto.ts'
import { fieldsOf, readFields, textOf, type WireField } from './wire.ts'

/** What is made of what may take two bytes in the file. */
const [ATTR_BYTES, FUNCTION_BYTES, LISTED_BYTES] = [150, 600, 64]
/** Protobuf goes no deeper either. */
const DEPTH_MAX = 100
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Reads a graph and its functions; what they take beyond the file comes from the budget. */
export function readGraph(bytes: Uint8Array, budget: Budget): GraphDef {
  const nodes: NodeDef[] = []
  const versions = { producer: 0, minConsumer: 0 }
  let functions: GraphDef['functions']
  for (const field of readFields(bytes)) {
    if (field.number === 1) nodes.push(readNode(field.bytes, budget))
    if (field.number === 2) {
      if (functions !== undefined) throw twice('the library of functions')
      functions = readLibrary(field.bytes, budget)
    }
    if (field.number === 4) {
      for (const version of readFields(field.bytes)) {
        if (version.number === 1) versions.producer = Number(version.int)
        if (version.number === 2) versions.minConsumer = Number(version.int)
      }
    }
  }
  checkNames(nodes)
  return { nodes, versions, ...(functions !== undefined && { functions }) }
}

function readLibrary(bytes: Uint8Array, budget: Budget): Map<string, FunctionDef> {
  const functions = new Map<string, FunctionDef>()
  for (const field of fieldsOf(bytes, 1)) {
    const read = readFunction(field.bytes, budget)
    if (functions.has(read.name)) throw twice(`the function ${read.name}`)
    functions.set(read.name, read)
  }
  return functions
}

function readFunction(bytes: Uint8Array, budget: Budget): FunctionDef {
  const what = () => `the function ${functionName(bytes)}`
  budget.take(FUNCTION_BYTES, what)
  const nodes: NodeDef[] = []
  const results = new Map<string, string>()
  const effects: string[] = []
  let signature: ReturnType<typeof readOpDef> | undefined
  const attrs: [string, AttrValue][] = []
  for (const field of readFields(bytes)) {
    if (field.number === 1) {
      if (signature !== undefined) throw twice('the signature of a function')
      signature = readOpDef(field.bytes, budget)
    }
    if (field.number === 3) nodes.push(readNode(field.bytes, budget))
    if (field.number === 4) {
      const [name, tensor] = readEntry(field.bytes)
      budget.take(ATTR_BYTES, what)
      if (results.has(name)) throw twice(`the result ${name} of ${what()}`)
      results.set(name, decoder.decode(tensor))
    }
    if (field.number === 5) {
      const [key, value] = readEntry(field.bytes)
      attrs.push([key, readAttr(value, budget, what)])
    }
    if (field.number === 6) effects.push(decoder.decode(readEntry(field.bytes)[1]))
  }
  checkNames(nodes, signature?.inputs)
  const { outputs: named, ...head } = signature ?? NO_OP
  const outputs = named.map((output) => results.get(output) ?? '')
  const also = [...head.also, ...attrs.flatMap(([, attr]) => functionsIn(attr))]
  return { ...head, outputs, effects, nodes, also, ...implementedBy(attrs) }
}

function implementedBy(attrs: readonly [string, AttrValue][]): Pick<FunctionDef, 'implements'> {
  const api = attrs.findLast(([key]) => key === 'api_implements')?.[1]
  return api?.kind === 'string' ? { implements: decoder.decode(api.value) } : {}
}

const NO_OP = { name: '', inputs: [], outputs: [], also: [], hasLists: false }

const functionName = (bytes: Uint8Array): string => {
  const [signature] = fieldsOf(bytes, 1)
  return signature === undefined ? '' : textOf(signature.bytes, 1)
}

function readOpDef(bytes: Uint8Array, budget: Budget) {
  const [inputs, outputs, also]: [string[], string[], string[]] = [[], [], []]
  let name = ''
  let hasLists = false
  for (const field of readFields(bytes)) {
    if (field.number === 1) name = field.text
    budget.take(LISTED_BYTES, () => `the signature of the function ${name}`)
    if (field.number === 2) {
      inputs.push(textOf(field.bytes, 1))
      // The attributes by which an argument is several.
      hasLists ||= [5, 6].some((number) => textOf(field.bytes, number) !== '')
    }
    if (field.number === 3) outputs.push(textOf(field.bytes, 1))
    if (field.number === 4) for (const found of defaultsIn(field.bytes)) also.push(found)
  }
  return { name, inputs, outputs, also, hasLists }
}

/** The functions that an attribute of an operation is by default. */
function* defaultsIn(bytes: Uint8Array): Generator<string> {
  for (const value of fieldsOf(bytes, 3))
    for (const field of readFields(value.bytes)) yield* namesInAttr(field)
}

/** TensorFlow takes no name twice either; which of the two is meant nobody can say. */
function checkNames(nodes: readonly NodeDef[], args: readonly string[] = []): void {
  const known = new Set(args)
  if (known.size < args.length) throw twice(`an argument among ${args.join(', ')}`)
  for (const { name } of nodes) {
    if (known.has(name)) throw twice(`the node ${name}`)
    known.add(name)
  }
}

function readNode(bytes: Uint8Array, budget: Budget): NodeDef {
  const what = () => `the node ${textOf(bytes, 1)}`
  budget.takeNode(what)
  let [name, op] = ['', '']
  const inputs: string[] = []
  const attrs: [string, AttrValue][] = []
  for (const field of readFields(bytes)) {
    if (field.number === 1) name = field.text
    if (field.number === 2) op = field.text
    if (field.number === 3) inputs.push(field.text)
    if (field.number === 5) {
      const [key, value] = readEntry(field.bytes)
      attrs.push([key, readAttr(value, budget, what)])
    }
  }
  return { name, op, inputs, attrs: recordOf(attrs, (key) => `the attribute ${key} of ${what()}`) }
}

/** Pairs as an object. Of a key that is there twice nobody can say which value is meant. */
export function recordOf<T>(
  pairs: readonly (readonly [string, T])[],
  what: (key: string) => string,
): Record<string, T> {
  const record = Object.fromEntries(pairs)
  if (Object.keys(record).length === pairs.length) return record
  const known = new Set<string>()
  const again = pairs.find(([key]) => known.size === known.add(key).size)
  throw twice(what(again?.[0] ?? ''))
}

/** A pair of a protobuf map. */
export function readEntry(bytes: Uint8Array): [string, Uint8Array] {
  let [key, value]: [string | undefined, Uint8Array | undefined] = [undefined, undefined]
  for (const field of readFields(bytes)) {
    if (field.number === 1) {
      if (key !== undefined) throw twice('the key of a map')
      key = field.text
    }
    if (field.number === 2) {
      if (value !== undefined) throw twice('the value of a map')
      value = field.bytes
    }
  }
  return [key ?? '', value ?? new Uint8Array()]
}

function readAttr(bytes: Uint8Array, budget: Budget, what: () => string): AttrValue {
  budget.take(ATTR_BYTES, what)
  const [field, another] = readFields(bytes)
  if (another !== undefined) throw twice('the value of an attribute')
  return (field && readKnownAttr(field, budget, what)) ?? { kind: 'other', value: bytes }
}

function readKnownAttr(
  field: WireField,
  budget: Budget,
  what: () => string,
): AttrValue | undefined {
  switch (field.number) {
    case 1:
      return readList(field.bytes, budget, what)
    case 2:
      return { kind: 'string', value: field.bytes }
    case 3:
      return { kind: 'int', value: field.int }
    case 4:
      return { kind: 'float', value: field.float }
    case 5:
      return { kind: 'bool', value: field.int !== 0n }
    case 6: {
      const value = dataTypeOf(field.int)
      return value && { kind: 'type', value }
    }
    case 7:
      return { kind: 'shape', value: readShape(field.bytes) }
    case 8: {
      const value = readTensor(field.bytes, budget, what)
      return value && { kind: 'tensor', value }
    }
    case 10:
      return readFunctionName(field.bytes)
    default:
      return undefined
  }
}

/** An empty list of anything counts as one of ints. */
function readList(bytes: Uint8Array, budget: Budget, what: () => string): AttrValue | undefined {
  const kinds = new Set<number>()
  for (const { number } of readFields(bytes)) kinds.add(number)
  /** One after the other, since those that are packed take a byte in the file. */
  const all = <T>(valuesIn: (field: WireField) => Iterable<T>): T[] => {
    const values: T[] = []
    for (const field of readFields(bytes))
      for (const value of valuesIn(field)) {
        budget.take(LISTED_BYTES, what)
        values.push(value)
      }
    return values
  }
  // Functions are to be seen whatever stands beside them.
  if (kinds.has(9)) return { kind: 'functions', value: all(namesInList) }
  if (kinds.size > 1) return undefined
  if (kinds.has(2)) return { kind: 'strings', value: all((field) => [field.bytes]) }
  if (kinds.has(4)) return { kind: 'floats', value: all((field) => field.floats()) }
  if (kinds.has(7)) return { kind: 'shapes', value: all((field) => [readShape(field.bytes)]) }
  if (kinds.has(6)) return { kind: 'types', value: all((field) => field.ints()).map(typeName) }
  if (kinds.size === 0 || kinds.has(3)) return { kind: 'ints', value: all((field) => field.ints()) }
  return undefined
}

function readFunctionName(bytes: Uint8Array): AttrValue {
  const [value = '', ...given] = namesIn(bytes)
  return { kind: 'function', value, ...(given.length > 0 && { given }) }
}

const namesInList = (field: WireField): string[] => (field.number === 9 ? namesIn(field.bytes) : [])

/** The functions in a field of the value of an attribute, behind those that are found already. */
function namesInAttr(field: WireField, depth = 0, found: string[] = []): string[] {
  if (field.number === 1)
    for (const each of fieldsOf(field.bytes, 9)) namesIn(each.bytes, depth, found)
  if (field.number === 10) namesIn(field.bytes, depth, found)
  return found
}

/** The name of a function, and after it those that it is given in its attributes. */
function namesIn(bytes: Uint8Array, depth = 0, found: string[] = []): string[] {
  if (depth > DEPTH_MAX)
    throw new SavedModelError(
      'TOO_LARGE',
      `functions are given to functions over ${DEPTH_MAX} deep`,
    )
  found.push(textOf(bytes, 1))
  for (const attr of fieldsOf(bytes, 2))
    for (const value of readFields(readEntry(attr.bytes)[1])) namesInAttr(value, depth + 1, found)
  return found
}

/** Protobuf would join the two, and we would see one of them. */
export const twice = (what: string): SavedModelError =>
  new SavedModelError('NOT_A_SAVED_MODEL', `${what} is written twice`)

const typeName = (number: bigint) => typeOfNumber(Number(number))
