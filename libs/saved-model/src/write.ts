import { strict as assert } from 'node:assert'
import {
  type TypeName,
  numberOfType,
  type SignatureDef,
  type TensorInfo,
} from '@drover/serving-api'
import { FIELDS, VALUES } from './generated/fields.ts'
import type { AttrValue, FunctionDef, GraphDef, NodeDef } from './graph.ts'
import { writeShape, writeTensor } from './tensor-proto.ts'
import { MapEntry, WireWriter } from './wire.ts'
import type { Saver } from './write-variables.ts'

const TENSORFLOW_VERSION = '2.15.1'
/** The version of the file's form. */
const SCHEMA_VERSION = 1
const { SavedModel: FILE, MetaGraphDef: META, MetaGraphDef_MetaInfoDef: INFO } = FIELDS
const { GraphDef: GRAPH, FunctionDef: FUNCTION, NodeDef: NODE, SaverDef: SAVER } = FIELDS
const { AttrValue: ATTR, AttrValue_ListValue: LIST, SignatureDef: SIGNATURE } = FIELDS
const { OpDef: OP, OpDef_ArgDef: ARG, TensorInfo: TENSOR_INFO, VersionDef: VERSION } = FIELDS

/**
 * The bytes of `saved_model.pb`, a whole SavedModel as long as its weights are constants: nothing
 * to restore and nothing that can be missing. With variables, a `VariableBuilder` gives the saver and
 * the files that belong beside it. The same graph gives the same bytes.
 */
export function writeSavedModel({
  graph,
  signatures,
  saver,
}: {
  graph: GraphDef
  signatures: Readonly<Record<string, SignatureDef>>
  saver?: Saver
}): Uint8Array<ArrayBuffer> {
  const metaGraph = new WireWriter()
    .message(
      META.meta_info_def,
      new WireWriter().bytes(INFO.tags, 'serve').bytes(INFO.tensorflow_version, TENSORFLOW_VERSION),
    )
    .message(META.graph_def, writeGraph(graph))
  if (saver !== undefined) metaGraph.message(META.saver_def, writeSaver(saver))
  for (const [name, signature] of Object.entries(signatures))
    metaGraph.message(META.signature_def, entry(name, writeSignature(signature)))
  return new WireWriter()
    .varint(FILE.saved_model_schema_version, SCHEMA_VERSION)
    .message(FILE.meta_graphs, metaGraph)
    .finish()
}

/** A SaverDef of the second version, which is the only one that is written nowadays. */
const writeSaver = ({ filename, save, restore }: Saver): WireWriter =>
  new WireWriter()
    .bytes(SAVER.filename_tensor_name, filename)
    .bytes(SAVER.save_tensor_name, save)
    .bytes(SAVER.restore_op_name, restore)
    .varint(SAVER.max_to_keep, 1)
    .varint(SAVER.version, VALUES.SaverDef_CheckpointFormatVersion.V2)

const entry = (key: string, value: WireWriter): WireWriter =>
  new WireWriter().bytes(MapEntry.key, key).message(MapEntry.value, value)

function writeGraph({ nodes, versions, functions }: GraphDef): WireWriter {
  const writer = new WireWriter()
  for (const node of nodes) writer.message(GRAPH.node, writeNode(node))
  const { producer, minConsumer } = versions
  if (functions !== undefined)
    writer.message(GRAPH.library, writeFunctions([...functions.values()]))
  const version = new WireWriter()
    .varint(VERSION.producer, producer)
    .varint(VERSION.min_consumer, minConsumer)
  return writer.message(GRAPH.versions, version)
}

function writeFunctions(functions: readonly FunctionDef[]): WireWriter {
  const library = new WireWriter()
  for (const { name, inputs, outputs, effects, nodes, types } of functions) {
    assert(types !== undefined, `the function ${name} does not tell the types of its arguments`)
    const signature = new WireWriter().bytes(OP.name, name)
    for (const [at, type] of types.inputs.entries())
      signature.message(OP.input_arg, arg(inputs[at] ?? '', type))
    for (const [at, type] of types.outputs.entries())
      signature.message(OP.output_arg, arg(`out${at}`, type))
    for (const effect of effects) signature.bytes(OP.control_output, effect)
    const writer = new WireWriter().message(FUNCTION.signature, signature)
    for (const node of nodes) writer.message(FUNCTION.node_def, writeNode(node))
    for (const [at, output] of outputs.entries())
      writer.message(FUNCTION.ret, pair(`out${at}`, output))
    for (const effect of effects) writer.message(FUNCTION.control_ret, pair(effect, effect))
    library.message(FIELDS.FunctionDefLibrary.function, writer)
  }
  return library
}

const arg = (name: string, type: TypeName): WireWriter =>
  new WireWriter().bytes(ARG.name, name).varint(ARG.type, numberOfType(type))

const pair = (key: string, value: string): WireWriter =>
  new WireWriter().bytes(MapEntry.key, key).bytes(MapEntry.value, value)

/** A NodeDef. */
export function writeNode({ name, op, inputs, attrs }: NodeDef): WireWriter {
  const writer = new WireWriter().bytes(NODE.name, name).bytes(NODE.op, op)
  for (const input of inputs) writer.bytes(NODE.input, input)
  for (const [key, value] of Object.entries(attrs))
    writer.message(NODE.attr, entry(key, writeAttr(value)))
  return writer
}

function writeAttr(attr: AttrValue): WireWriter {
  const writer = new WireWriter()
  if (isList(attr)) return writer.message(ATTR.list, writeList(attr))
  switch (attr.kind) {
    case 'string':
      return writer.bytes(ATTR.s, attr.value)
    case 'int':
      return writer.varint(ATTR.i, attr.value)
    case 'float':
      return writer.float(ATTR.f, attr.value)
    case 'bool':
      return writer.varint(ATTR.b, attr.value ? 1 : 0)
    case 'type':
      return writer.varint(ATTR.type, numberOfType(attr.value))
    case 'shape':
      return writer.message(ATTR.shape, writeShape(attr.value))
    case 'tensor':
      return writer.message(ATTR.tensor, writeTensor(attr.value))
    case 'function':
      return writer.message(ATTR.func, functionName(attr.value))
    case 'other':
      return writer.raw(attr.value)
  }
}

const LISTS = ['ints', 'types', 'floats', 'strings', 'shapes', 'functions'] as const
type ListAttr = Extract<AttrValue, { kind: (typeof LISTS)[number] }>

const isList = (attr: AttrValue): attr is ListAttr => LISTS.some((kind) => kind === attr.kind)

function writeList(attr: ListAttr): WireWriter {
  const list = new WireWriter()
  switch (attr.kind) {
    case 'ints':
      return list.packed(LIST.i, attr.value)
    case 'types':
      return list.packed(LIST.type, attr.value.map(numberOfType))
    case 'floats':
      for (const value of attr.value) list.float(LIST.f, value)
      return list
    case 'strings':
      for (const value of attr.value) list.bytes(LIST.s, value)
      return list
    case 'shapes':
      for (const shape of attr.value) list.message(LIST.shape, writeShape(shape))
      return list
    case 'functions':
      for (const name of attr.value) list.message(LIST.func, functionName(name))
      return list
  }
}

const functionName = (name: string): WireWriter =>
  new WireWriter().bytes(FIELDS.NameAttrList.name, name)

function writeSignature({ inputs, outputs, methodName, defaults = {} }: SignatureDef): WireWriter {
  const writer = new WireWriter()
  for (const [alias, info] of Object.entries(inputs))
    writer.message(SIGNATURE.inputs, entry(alias, infoOf(info)))
  for (const [alias, info] of Object.entries(outputs))
    writer.message(SIGNATURE.outputs, entry(alias, infoOf(info)))
  writer.bytes(SIGNATURE.method_name, methodName)
  for (const [alias, tensor] of Object.entries(defaults))
    writer.message(SIGNATURE.defaults, entry(alias, writeTensor(tensor)))
  return writer
}

const infoOf = ({ name, dtype, shape }: TensorInfo): WireWriter =>
  new WireWriter()
    .bytes(TENSOR_INFO.name, name)
    .varint(TENSOR_INFO.dtype, numberOfType(dtype))
    .message(TENSOR_INFO.tensor_shape, writeShape(shape))
