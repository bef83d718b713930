// Tables that a checkpoint fills and that nobody changes when the model is served.

import type { Tensor } from '@drover/serving-api'
import { CheckpointValues } from './checkpoint-values.ts'
import { liveContent } from './dense-table.ts'
import { flattenRun } from './flatten.ts'
import type { NodeDef, SavedModel } from './graph.ts'
import { untranslatable } from './node-attrs.ts'
import { type Nodes, resourceOf, restoredAt, sourceOf } from './restored.ts'
import { CHANGES, checkLasting } from './state.ts'

/** What a table holds, key by key. */
export interface TableContent {
  keys: Tensor
  values: Tensor
  /** Keys of a dense table that nobody may ask for. */
  refused?: Tensor
}

const DENSE = /^MutableDenseHashTable(V2)?$/
const MUTABLE = /^Mutable(Dense)?HashTable(V2)?$/
const IMPORTS = /^LookupTableImport(V2)?$/

export const isMutableTable = (op: string): boolean => MUTABLE.test(op)

/** What fills a table, the handle as it stands there, and all that runs with it. */
interface Fill {
  node: NodeDef
  handle: NodeDef
  nodes: Nodes
}

/** The tables of a model that its checkpoint fills. */
export class MutableTables {
  readonly #model: SavedModel
  readonly #values: CheckpointValues
  #fills: ReadonlyMap<string, Fill> | undefined

  constructor(model: SavedModel) {
    this.#model = model
    this.#values = new CheckpointValues(model)
  }

  /** Throws UNTRANSLATABLE when what it holds at a request is not known ahead. */
  read(handle: NodeDef): TableContent {
    this.#fills ??= fillsOf(this.#model)
    const fill = this.#fills.get(resourceOf(handle))
    if (fill === undefined) throw untranslatable(handle, 'nothing fills it')
    const { node, nodes } = fill
    const [keys, values] = [1, 2].map((at) => restoredAt(nodes, node.inputs[at]))
    const stored = {
      keys: this.#values.read(handle, keys),
      values: this.#values.read(handle, values),
    }
    return DENSE.test(handle.op) ? denseContent(fill, stored) : stored
  }
}

function fillsOf(model: SavedModel): Map<string, Fill> {
  checkLasting(model)
  const { restoreOp, initOps } = model.loading
  const fills = new Map<string, Fill>()
  for (const run of [restoreOp, ...initOps].filter((op) => op !== '')) {
    const nodes = flattenRun(model.graph, run)
    for (const node of nodes.values()) {
      const handle = CHANGES.test(node.op) ? sourceOf(nodes, node.inputs[0])?.node : undefined
      if (handle === undefined || !isMutableTable(handle.op)) continue
      const id = resourceOf(handle)
      if (run !== restoreOp || !IMPORTS.test(node.op) || fills.has(id))
        throw untranslatable(handle, `${node.name} changes it when the model is loaded`)
      fills.set(id, { node, handle, nodes })
    }
  }
  return fills
}

function denseContent({ handle, nodes }: Fill, stored: TableContent): TableContent {
  const shape = handle.attrs['value_shape']
  if (shape !== undefined && (shape.kind !== 'shape' || shape.value?.length !== 0))
    throw untranslatable(handle, 'its values are no single ones')
  const [empty, deleted] = [0, 1].map((at) => {
    const value = sourceOf(nodes, handle.inputs[at])?.node.attrs['value']
    return value?.kind === 'tensor' && value.value.shape.length === 0 ? value.value : undefined
  })
  if (empty === undefined || deleted === undefined)
    throw untranslatable(handle, 'what marks its free places is no constant key')
  return liveContent(handle, { ...stored, marks: { empty, deleted } })
}
