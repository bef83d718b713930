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
import { FIELDS } from './generated/fields.ts'
import { readEntry, recordOf, twice } from './maps.ts'
import { dataTypeOf, readShape, readTensor } from './tensor-proto.ts'
import { fieldsOf, type Message, readFields, readerOf, textOf, type WireField } from './wire.ts'

/** What is made of what may take two bytes in the file. */
const [ATTR_BYTES, FUNCTION_BYTES, LISTED_BYTES] = [150, 600, 64]
/** Protobuf goes no deeper either. */
const DEPTH_MAX = 100
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const { AttrValue: ATTR, AttrValue_ListValue: LIST, NodeDef: NODE, OpDef: OP } = FIELDS
const { FunctionDef: FUNCTION, GraphDef: GRAPH, VersionDef: VERSION } = FIELDS

/** Reads a graph and its functions; what they take beyond the file comes from the budget. */
export function readGraph(message: Message, budget: Budget): GraphDef {
  const nodes: NodeDef[] = []
  const versions = { producer: 0, minConsumer: 0 }
  let functions: GraphDef['functions']
  const field = readerOf(message)
  while (field.next()) {
    if (field.number === GRAPH.node) nodes.push(readNode(field, budget))
    if (field.number === GRAPH.library) {
      if (functions !== undefined) throw twice('the library of functions')
      functions = readLibrary(field, budget)
    }
    if (field.number === GRAPH.versions) {
      for (const version of readFields(field)) {
        if (version.number === VERSION.producer) versions.producer = Number(version.int)
        if (version.number === VERSION.min_consumer) versions.minConsumer = Number(version.int)
      }
    }
  }
  checkNames(nodes)
  return { nodes, versions, ...(functions !== undefined && { functions }) }
}

function readLibrary(message: Message, budget: Budget): Map<string, FunctionDef> {
  const functions = new Map<string, FunctionDef>()
  for (const field of fieldsOf(message, FIELDS.FunctionDefLibrary.function)) {
    const read = readFunction(field, budget)
    if (functions.has(read.name)) throw twice(`the function ${read.name}`)
    functions.set(read.name, read)
  }
  return functions
}

function readFunction(message: Message, budget: Budget): FunctionDef {
  const what = () => `the function ${functionName(message)}`
  budget.take(FUNCTION_BYTES, what)
  const nodes: NodeDef[] = []
  const results = new Map<string, string>()
  const effects: string[] = []
  let signature: ReturnType<typeof readOpDef> | undefined
  const attrs: [string, AttrValue][] = []
  const field = readerOf(message)
  while (field.next()) {
    if (field.number === FUNCTION.signature) {
      if (signature !== undefined) throw twice('the signature of a function')
      signature = readOpDef(field, budget)
    }
    if (field.number === FUNCTION.node_def) nodes.push(readNode(field, budget))
    if (field.number === FUNCTION.ret) {
      const [name, tensor] = readEntry(field)
      budget.take(ATTR_BYTES, what)
      if (results.has(name)) throw twice(`the result ${name} of ${what()}`)
      results.set(name, tensor.text)
    }
    if (field.number === FUNCTION.attr) {
      const [key, value] = readEntry(field)
      attrs.push([key, readAttr(value, budget, what)])
    }
    if (field.number === FUNCTION.control_ret) effects.push(readEntry(field)[1].text)
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

const functionName = (message: Message): string => {
  const [signature] = fieldsOf(message, FUNCTION.signature)
  return signature === undefined ? '' : textOf(signature, OP.name)
}

const ARG = FIELDS.OpDef_ArgDef
/** The attributes by which an argument is several. */
const SEVERAL = [ARG.number_attr, ARG.type_list_attr]

function readOpDef(message: Message, budget: Budget) {
  const [inputs, outputs, also]: [string[], string[], string[]] = [[], [], []]
  let name = ''
  let hasLists = false
  const field = readerOf(message)
  while (field.next()) {
    if (field.number === OP.name) name = field.text
    budget.take(LISTED_BYTES, () => `the signature of the function ${name}`)
    if (field.number === OP.input_arg) {
      inputs.push(textOf(field, ARG.name))
      hasLists ||= SEVERAL.some((number) => textOf(field, number) !== '')
    }
    if (field.number === OP.output_arg) outputs.push(textOf(field, ARG.name))
    if (field.number === OP.attr) for (const found of defaultsIn(field)) also.push(found)
  }
  return { name, inputs, outputs, also, hasLists }
}

/** The functions that an attribute of an operation is by default. */
function* defaultsIn(message: Message): Generator<string> {
  for (const value of fieldsOf(message, FIELDS.OpDef_AttrDef.default_value))
    for (const field of readFields(value)) yield* namesInAttr(field)
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

function readNode(message: Message, budget: Budget): NodeDef {
  const what = () => `the node ${textOf(message, NODE.name)}`
  budget.takeNode(what)
  let [name, op] = ['', '']
  const inputs: string[] = []
  const attrs: [string, AttrValue][] = []
  const field = readerOf(message)
  while (field.next()) {
    if (field.number === NODE.name) name = field.text
    if (field.number === NODE.op) op = field.text
    if (field.number === NODE.input) inputs.push(field.text)
    if (field.number === NODE.attr) {
      const [key, value] = readEntry(field)
      attrs.push([key, readAttr(value, budget, what)])
    }
  }
  return { name, op, inputs, attrs: recordOf(attrs, (key) => `the attribute ${key} of ${what()}`) }
}

function readAttr(message: WireField, budget: Budget, what: () => string): AttrValue {
  budget.take(ATTR_BYTES, what)
  const field = readerOf(message)
  const value = field.next() ? readKnownAttr(field, budget, what) : undefined
  if (field.next()) throw twice('the value of an attribute')
  return value ?? { kind: 'other', value: message.bytes }
}

function readKnownAttr(
  field: WireField,
  budget: Budget,
  what: () => string,
): AttrValue | undefined {
  switch (field.number) {
    case ATTR.list:
      return readList(field, budget, what)
    case ATTR.s:
      return { kind: 'string', value: field.bytes }
    case ATTR.i:
      return { kind: 'int', value: field.int }
    case ATTR.f:
      return { kind: 'float', value: field.float }
    case ATTR.b:
      return { kind: 'bool', value: field.int !== 0n }
    case ATTR.type: {
      const value = dataTypeOf(field.int)
      return value && { kind: 'type', value }
    }
    case ATTR.shape:
      return { kind: 'shape', value: readShape(field) }
    case ATTR.tensor: {
      const value = readTensor(field, budget, what)
      return value && { kind: 'tensor', value }
    }
    case ATTR.func:
      return readFunctionName(field)
    default:
      return undefined
  }
}

/** An empty list of anything counts as one of ints. */
function readList(message: Message, budget: Budget, what: () => string): AttrValue | undefined {
  /** One after the other, since those that are packed take a byte in the file. */
  const all = <T>(valuesIn: (field: WireField) => Iterable<T>): T[] => {
    const values: T[] = []
    const each = readerOf(message)
    while (each.next())
      for (const value of valuesIn(each)) {
        budget.take(LISTED_BYTES, what)
        values.push(value)
      }
    return values
  }
  switch (kindOfList(message)) {
    case LIST.func:
      return { kind: 'functions', value: all(namesInList) }
    case LIST.s:
      return { kind: 'strings', value: all((field) => [field.bytes]) }
    case LIST.f:
      return { kind: 'floats', value: all((field) => field.floats()) }
    case LIST.shape:
      return { kind: 'shapes', value: all((field) => [readShape(field)]) }
    case LIST.type:
      return { kind: 'types', value: all((field) => field.ints()).map(typeName) }
    case LIST.i:
      return { kind: 'ints', value: all((field) => field.ints()) }
    default:
      return undefined
  }
}

const SEVERAL_KINDS = 0

/** The field that all entries of a list are. */
function kindOfList(message: Message): number {
  const field = readerOf(message)
  if (!field.next()) return LIST.i
  const { number } = field
  let isMixed = false
  // Functions are to be seen whatever stands beside them.
  let hasFunctions = number === LIST.func
  while (field.next()) {
    isMixed ||= field.number !== number
    hasFunctions ||= field.number === LIST.func
  }
  if (hasFunctions) return LIST.func
  return isMixed ? SEVERAL_KINDS : number
}

function readFunctionName(message: Message): AttrValue {
  const [value = '', ...given] = namesIn(message)
  return { kind: 'function', value, ...(given.length > 0 && { given }) }
}

const namesInList = (field: WireField): string[] =>
  field.number === LIST.func ? namesIn(field) : []

/** The functions in a field of the value of an attribute, behind those that are found already. */
function namesInAttr(field: WireField, depth = 0, found: string[] = []): string[] {
  if (field.number === ATTR.list)
    for (const each of fieldsOf(field, LIST.func)) namesIn(each, depth, found)
  if (field.number === ATTR.func) namesIn(field, depth, found)
  return found
}

/** The name of a function, and after it those that it is given in its attributes. */
function namesIn(message: Message, depth = 0, found: string[] = []): string[] {
  if (depth > DEPTH_MAX)
    throw new SavedModelError(
      'TOO_LARGE',
      `functions are given to functions over ${DEPTH_MAX} deep`,
    )
  found.push(textOf(message, FIELDS.NameAttrList.name))
  for (const attr of fieldsOf(message, FIELDS.NameAttrList.attr))
    for (const value of readFields(readEntry(attr)[1])) namesInAttr(value, depth + 1, found)
  return found
}

const typeName = (number: bigint) => typeOfNumber(Number(number))
