// Tables that are filled when a model is loaded and never changed: their contents become constants.

import type { Tensor } from '@drover/serving-api'
import { flattenRun } from './flatten.ts'
import { attr, type NodeDef, type SavedModel } from './graph.ts'
import { isMutableTable, MutableTables, type TableContent } from './mutable-tables.ts'
import { untranslatable } from './node-attrs.ts'
import { resourceOf, sourceOf } from './restored.ts'
import { readTableFile } from './table-file.ts'
import { bound, constant } from './variables.ts'

const HANDLES = new Set(['HashTableV2', 'HashTable'])
const IMPORTS = /^(LookupTableImport|InitializeTable)(V2)?$/
export const FROM_FILE = /^InitializeTableFromTextFile(V2)?$/
const FINDS = /^LookupTableFind(V2)?$/
const SIZES = /^LookupTableSize(V2)?$/
/** A table is taken in by the thread that answers, once; larger ones are TensorFlow's. */
const KEYS_MAX = 50_000
/** -0 and 0, and numbers that are none, are the same or not as TensorFlow's tables have it. */
const FLOATS: ReadonlySet<string> = new Set(['DT_FLOAT', 'DT_DOUBLE'])

type Nodes = ReadonlyMap<string, NodeDef>

/** The operations that are gone once tables are constants. */
export const isBoundTable = (op: string): boolean => isHandle(op) || SIZES.test(op)

const isHandle = (op: string): boolean => HANDLES.has(op) || isMutableTable(op)

/** The tables of a model, each read once. */
export class Tables {
  readonly #model: SavedModel
  #fills: ReadonlyMap<string, { node: NodeDef; nodes: Nodes }> | undefined
  readonly #contents = new Map<string, TableContent>()
  readonly #mutable: MutableTables

  constructor(model: SavedModel) {
    this.#model = model
    this.#mutable = new MutableTables(model)
  }

  /** Throws UNTRANSLATABLE when what it holds is not known ahead. */
  read(handle: NodeDef): TableContent {
    const id = resourceOf(handle)
    const known = this.#contents.get(id)
    if (known !== undefined) return known
    const content = isMutableTable(handle.op) ? this.#mutable.read(handle) : this.#read(handle, id)
    checkContent(handle, content)
    this.#contents.set(id, content)
    return content
  }

  #read(handle: NodeDef, id: string): TableContent {
    this.#fills ??= fillsOf(this.#model)
    const fill = this.#fills.get(id)
    if (fill === undefined) throw untranslatable(handle, 'nothing fills it')
    return FROM_FILE.test(fill.node.op)
      ? readTableFile(this.#model, handle, fill)
      : { keys: constantAt(fill, 1), values: constantAt(fill, 2) }
  }
}

/** By resource, the one node that fills it at a load. */
function fillsOf(model: SavedModel): Map<string, { node: NodeDef; nodes: Nodes }> {
  const fills = new Map<string, { node: NodeDef; nodes: Nodes }>()
  for (const op of model.loading.initOps) {
    const nodes = flattenRun(model.graph, op)
    for (const node of nodes.values()) {
      if (!IMPORTS.test(node.op) && !FROM_FILE.test(node.op)) continue
      const handle = sourceOf(nodes, node.inputs[0])?.node
      if (handle === undefined || !HANDLES.has(handle.op)) continue
      const id = resourceOf(handle)
      const before = fills.get(id)?.node
      if (before !== undefined && before.name !== node.name)
        throw untranslatable(handle, 'it is filled twice')
      fills.set(id, { node, nodes })
    }
  }
  return fills
}

function constantAt({ node, nodes }: { node: NodeDef; nodes: Nodes }, index: number): Tensor {
  const value = sourceOf(nodes, node.inputs[index])?.node.attrs['value']
  if (value?.kind !== 'tensor') throw untranslatable(node, 'what it fills in is no constant')
  return value.value
}

/** What TensorFlow would refuse is left to it. */
function checkContent(handle: NodeDef, { keys, values }: TableContent): void {
  const count = keys.values.length
  if (keys.shape.length !== 1 || values.shape.length !== 1 || values.values.length !== count)
    throw untranslatable(handle, 'its keys and values do not go together')
  if (count > KEYS_MAX) throw untranslatable(handle, `it has over ${KEYS_MAX} keys`)
  if (FLOATS.has(keys.dtype)) throw untranslatable(handle, `its keys are ${keys.dtype}`)
  for (const [name, { dtype }] of [
    ['key_dtype', keys] as const,
    ['value_dtype', values] as const,
  ]) {
    const type = handle.attrs[name]
    if (type?.kind !== 'type' || type.value !== dtype)
      throw untranslatable(handle, `it is filled with ${dtype}`)
  }
  const known = new Set(Array.from<unknown, unknown>(keys.values, textOfKey))
  if (known.size < count) throw untranslatable(handle, 'a key is there twice')
}

const textOfKey = (key: unknown): unknown =>
  key instanceof Uint8Array ? Buffer.from(key).toString('latin1') : key

/** The nodes with constants in the place of tables. */
export const bindTables = (nodes: Nodes, tables: Tables): Nodes =>
  bound(nodes, (node) => boundNode(node, nodes, tables))

function boundNode(node: NodeDef, nodes: Nodes, tables: Tables): NodeDef[] {
  const isFind = FINDS.test(node.op)
  if (!isFind && !SIZES.test(node.op)) return [node]
  const handle = sourceOf(nodes, node.inputs[0])?.node
  if (handle === undefined || !isHandle(handle.op)) return [node]
  const { keys, values, refused } = tables.read(handle)
  if (!isFind) {
    const size = BigInt64Array.of(BigInt(keys.values.length))
    return [constant(node.name, { dtype: 'DT_INT64', shape: [], values: size })]
  }
  if (isMutableTable(handle.op)) checkDefault(node, nodes)
  // One pair of constants for all that ask the same table.
  const named = (what: string) => `${handle.name} / ${what}`
  const [ofKeys, ofValues, ofRefused] = [named('keys'), named('values'), named('refused')]
  const { dtype } = values
  return [
    constant(ofKeys, keys),
    constant(ofValues, values),
    ...(refused === undefined ? [] : [constant(ofRefused, refused)]),
    {
      name: node.name,
      op: 'LookupTableFindV2',
      inputs: [
        `${ofKeys}:0`,
        `${ofValues}:0`,
        ...node.inputs.slice(1, 3),
        ...(refused === undefined ? [] : [`${ofRefused}:0`]),
      ],
      attrs: { Tin: attr.type(keys.dtype), Tout: attr.type(dtype) },
    },
  ]
}

/** Tables that may change take also a default for each key. */
function checkDefault(node: NodeDef, nodes: Nodes): void {
  const value = sourceOf(nodes, node.inputs[2])?.node.attrs['value']
  if (value?.kind !== 'tensor' || value.value.shape.length > 0)
    throw untranslatable(node, 'its default is not one constant')
}
