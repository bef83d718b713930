import { posix } from 'node:path'
import { type SignatureDef, type Tensor, type TensorInfo, typeOfNumber } from '@drover/serving-api'
import { Budget } from './budget.ts'
import { SavedModelError } from './errors.ts'
import { FIELDS } from './generated/fields.ts'
import { type GraphDef, portOf, type SavedModel } from './graph.ts'
import { readEntry, recordOf, twice } from './maps.ts'
import { readGraph } from './read-graph.ts'
import { changesState } from './state.ts'
import { readShape, readTensor } from './tensor-proto.ts'
import { fieldsOf, type Message, readFields, textOf, type WireField } from './wire.ts'

/** Protobuf's own limit. */
const BYTES_MAX = 2 ** 31 - 1
const SIGNATURES_MAX = 1_000
const META_GRAPHS_MAX = 100
/** Tags, assets and operations that are run after a load, of each. */
const LISTED_MAX = 10_000
/** What is made of an input or output, which may take two bytes in the file. */
const INFO_BYTES = 300
/** TensorFlow's signature for what it does itself after a load: its output is an operation and no tensor. */
const INIT_SIGNATURE = '__saved_model_init_op'
/** Fields of a graph that must not be there twice. */
const ONCE = new Map<number, string>([
  [FIELDS.MetaGraphDef.graph_def, 'the graph'],
  [FIELDS.MetaGraphDef.saver_def, 'the saver'],
])
const ASSET_COLLECTION = 'saved_model_assets'
const INIT_COLLECTIONS = new Set(['saved_model_main_op', 'legacy_init_op'])
const CHECKPOINT_INDEX = 'variables/variables.index'
const ASSETS_FOLDER = 'assets'

/** The tags of the graph that is served where nothing else is asked for. */
export const SERVE_TAGS: readonly string[] = ['serve']

/**
 * Reads the graph with exactly these tags, in any order, out of `saved_model.pb`. Throws
 * `SavedModelError` on what is no SavedModel or is over a limit.
 */
export function readSavedModel(
  bytes: Uint8Array,
  tags: readonly string[] = SERVE_TAGS,
): SavedModel {
  if (bytes.length > BYTES_MAX)
    throw new SavedModelError('TOO_LARGE', `the file has ${bytes.length} bytes`)
  const found = metaGraphOf(bytes, tags)
  const budget = new Budget(bytes.length)
  const graph = readGraph(found.graph, budget)
  const { [INIT_SIGNATURE]: init, ...signatures } = recordOf(
    found.signatures.map((signature) => readSignatureEntry(signature, budget)),
    (name) => `the signature ${name}`,
  )
  return {
    tags: found.tags,
    graph,
    signatures,
    ...(init !== undefined && { uncallable: { [INIT_SIGNATURE]: init } }),
    tensorflowVersion: found.tensorflowVersion,
    loading: loadingOf(found, init),
    neededFiles: neededFiles(found, graph),
  }
}

function metaGraphOf(bytes: Uint8Array, tags: readonly string[]): MetaGraph {
  const metaGraphs = outlineMetaGraphs(bytes)
  if (metaGraphs.length === 0)
    throw new SavedModelError('NOT_A_SAVED_MODEL', 'the file holds no graph')
  const wanted = new Set(tags)
  const found = metaGraphs.find((each) => isSame(new Set(each.tags), wanted))
  if (found === undefined) throw noSuchGraph(tags, metaGraphs)
  return found
}

/** The SavedObjectGraph beside the graph with these tags; undefined where there is none. */
export const objectsBeside = (bytes: Uint8Array, tags: readonly string[]): Uint8Array | undefined =>
  metaGraphOf(bytes, tags).objects

/** TensorFlow 1 names what is run after a load in collections, TensorFlow 2 by a signature of its own. */
function loadingOf(found: MetaGraph, init: SignatureDef | undefined): SavedModel['loading'] {
  const { restoreOp, checkpointPath, assets } = found
  const named = Object.values(init?.outputs ?? {}).map(({ name }) => portOf(name).node)
  return {
    restoreOp,
    initOps: [...new Set([...named, ...found.initOps])],
    checkpointPath,
    assets,
  }
}

/**
 * TensorFlow loads a model without its checkpoint, and then every request fails. It is no loss only
 * where the restoring assigns nothing.
 */
function neededFiles({ restoreOp, assets }: MetaGraph, graph: GraphDef): string[] {
  const needsCheckpoint = restoreOp !== '' && changesState(graph, [restoreOp])
  return [
    ...(needsCheckpoint ? [CHECKPOINT_INDEX] : []),
    ...assets.map(({ file }) => posix.join(ASSETS_FOLDER, file)),
  ]
}

/** The tags of each graph in `saved_model.pb`, in its order. Throws `SavedModelError`. */
export const tagSetsIn = (bytes: Uint8Array): string[][] =>
  outlineMetaGraphs(bytes).map(({ tags }) => tags)

function outlineMetaGraphs(bytes: Uint8Array): MetaGraph[] {
  const found: MetaGraph[] = []
  for (const field of fieldsOf(bytes, FIELDS.SavedModel.meta_graphs)) {
    if (found.length === META_GRAPHS_MAX) throw tooMany('graphs', META_GRAPHS_MAX)
    found.push(outlineMetaGraph(field.bytes))
  }
  return found
}

const tooMany = (what: string, most: number): SavedModelError =>
  new SavedModelError('TOO_LARGE', `the model has over ${most} ${what}`)

/** Whether a MetaGraph has just these tags. */
export const isOfTags = (metaGraph: Uint8Array, tags: readonly string[]): boolean =>
  isSame(new Set(outlineMetaGraph(metaGraph).tags), new Set(tags))

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((each) => b.has(each))

function noSuchGraph(tags: readonly string[], metaGraphs: readonly MetaGraph[]): SavedModelError {
  const there = metaGraphs.map((each) => `[${each.tags.join(', ')}]`).join(', ')
  return new SavedModelError(
    'NO_SERVE_GRAPH',
    `no graph has just the tags [${tags.join(', ')}]; there is ${there}`,
  )
}

interface MetaGraph {
  tags: string[]
  tensorflowVersion: string
  graph: Uint8Array
  /** What Python makes of it; TensorFlow 1 wrote none. */
  objects: Uint8Array | undefined
  signatures: Uint8Array[]
  /** See `Loading`. */
  restoreOp: string
  checkpointPath: string
  initOps: string[]
  /** Names of files in the folder for assets, and the tensors that are fed their paths. */
  assets: { tensor: string; file: string }[]
  /** The same in a collection, which counts where there are no others. */
  collected: { tensor: string; file: string }[]
  /** Those that were read. */
  collections: Set<string>
}

function outlineMetaGraph(bytes: Uint8Array): MetaGraph {
  const found: MetaGraph = {
    tags: [],
    tensorflowVersion: '',
    graph: new Uint8Array(),
    objects: undefined,
    signatures: [],
    restoreOp: '',
    checkpointPath: '',
    initOps: [],
    assets: [],
    collected: [],
    collections: new Set(),
  }
  const known = new Set<number>()
  for (const field of readFields(bytes)) {
    const once = ONCE.get(field.number)
    if (once !== undefined && known.has(field.number)) throw twice(once)
    known.add(field.number)
    outlineField(found, field)
    if (found.signatures.length > SIGNATURES_MAX) throw tooMany('signatures', SIGNATURES_MAX)
    const { tags, initOps, assets, collected } = found
    if ([tags, initOps, assets, collected].some(({ length }) => length > LISTED_MAX))
      throw tooMany('tags, assets or operations to be run after a load', LISTED_MAX)
  }
  if (found.assets.length === 0) found.assets = found.collected
  return found
}

const { MetaGraphDef: META, MetaGraphDef_MetaInfoDef: INFO, SaverDef: SAVER } = FIELDS

function outlineField(found: MetaGraph, { number, bytes }: WireField): void {
  switch (number) {
    case META.meta_info_def:
      for (const info of readFields(bytes)) {
        if (info.number === INFO.tags) found.tags.push(info.text)
        if (info.number === INFO.tensorflow_version) found.tensorflowVersion = info.text
      }
      break
    case META.graph_def:
      found.graph = bytes
      break
    case META.saver_def:
      found.checkpointPath = textOf(bytes, SAVER.filename_tensor_name)
      found.restoreOp = textOf(bytes, SAVER.restore_op_name)
      break
    case META.collection_def:
      readCollection(bytes, found)
      break
    case META.signature_def:
      found.signatures.push(bytes)
      break
    case META.asset_file_def:
      found.assets.push(readAsset(bytes))
      break
    case META.object_graph_def:
      found.objects = bytes
      break
    default:
      break
  }
}

/**
 * TensorFlow 1 keeps in collections what is run after a load, and assets. Of one that is there twice, or of
 * two kinds, TensorFlow takes the last: an asset that we saw in the first would not be fed.
 */
function readCollection(bytes: Uint8Array, found: MetaGraph): void {
  const [key, collection] = readEntry(bytes)
  if (!INIT_COLLECTIONS.has(key) && key !== ASSET_COLLECTION) return
  const [list, another] = readFields(collection)
  if (another !== undefined || found.collections.has(key)) throw twice(`the collection ${key}`)
  found.collections.add(key)
  if (list !== undefined) {
    if (INIT_COLLECTIONS.has(key) && list.number === FIELDS.CollectionDef.node_list)
      for (const { text } of listed(list)) found.initOps.push(portOf(text).node)
    if (key === ASSET_COLLECTION && list.number === FIELDS.CollectionDef.any_list)
      for (const any of listed(list))
        found.collected.push(readAsset(bytesOf(any.bytes, FIELDS.Any.value)))
  }
}

function* listed({ bytes }: WireField): Generator<WireField> {
  let count = 0
  for (const field of readFields(bytes)) {
    if (++count > LISTED_MAX) throw tooMany('entries in a collection', LISTED_MAX)
    yield field
  }
}

const { SignatureDef: SIGNATURE, TensorInfo: TENSOR_INFO } = FIELDS

const readAsset = (bytes: Uint8Array): { tensor: string; file: string } => ({
  tensor: textOf(bytesOf(bytes, FIELDS.AssetFileDef.tensor_info), TENSOR_INFO.name),
  file: textOf(bytes, FIELDS.AssetFileDef.filename),
})

/** A field that is a message; empty where there is none. */
function bytesOf(bytes: Uint8Array, number: number): Uint8Array {
  const [found, another] = fieldsOf(bytes, number)
  if (another !== undefined) throw twice('a part of an asset')
  return found?.bytes ?? bytes.subarray(0, 0)
}

function readSignatureEntry(bytes: Uint8Array, budget: Budget): [string, SignatureDef] {
  const [name, value] = readEntry(bytes)
  const inputs: [string, TensorInfo][] = []
  const outputs: [string, TensorInfo][] = []
  const defaults: [string, Tensor][] = []
  let methodName = ''
  for (const field of readFields(value)) {
    budget.take(INFO_BYTES, () => `the signature ${name}`)
    if (field.number === SIGNATURE.inputs) inputs.push(readInfo(field))
    if (field.number === SIGNATURE.outputs) outputs.push(readInfo(field))
    if (field.number === SIGNATURE.method_name) methodName = field.text
    if (field.number === SIGNATURE.defaults) {
      const [alias, tensor] = readEntry(field)
      const read = readTensor(tensor, budget, () => `the default of ${alias} in ${name}`)
      if (read !== undefined) defaults.push([alias, read])
    }
  }
  const signature: SignatureDef = {
    methodName,
    inputs: recordOf(inputs, (alias) => `the input ${alias} of the signature ${name}`),
    outputs: recordOf(outputs, (alias) => `the output ${alias} of the signature ${name}`),
    ...(defaults.length > 0 && {
      defaults: recordOf(defaults, (alias) => `the default of ${alias} in ${name}`),
    }),
  }
  return [name, signature]
}

/** What is no dense tensor has no name; requests that bring it fail, and only those. */
function readInfo(message: Message): [string, TensorInfo] {
  const [alias, value] = readEntry(message)
  let name = ''
  let type = 0n
  let shape: readonly number[] | undefined = []
  for (const field of readFields(value)) {
    if (field.number === TENSOR_INFO.name) name = field.text
    if (field.number === TENSOR_INFO.dtype) type = field.int
    if (field.number === TENSOR_INFO.tensor_shape) shape = readShape(field)
  }
  return [alias, { name, dtype: typeOfNumber(Number(type)), shape }]
}
