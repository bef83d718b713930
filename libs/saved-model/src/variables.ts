// What variables hold when a model is served: what its checkpoint says, as long as no signature changes
// them.

import type { Tensor } from '@drover/serving-api'
import { CheckpointValues } from './checkpoint-values.ts'
import { attr, type NodeDef, type SavedModel } from './graph.ts'
import { keptConstant } from './kept.ts'
import { typeIn } from './node-attrs.ts'
import { keysOf, resourceOf, sourceOf } from './restored.ts'
import { checkLasting } from './state.ts'

/** Variables of TensorFlow 1, which are read as they are. */
const OWN_HANDLES = new Set(['VariableV2', 'Variable'])

/** The variables of a model, each read once. */
export class Variables {
  readonly #model: SavedModel
  readonly #tensors = new Map<string, Tensor>()
  readonly #values: CheckpointValues
  #keys: ReturnType<typeof keysOf> | undefined

  constructor(model: SavedModel) {
    this.#model = model
    this.#values = new CheckpointValues(model)
  }

  /** Throws UNTRANSLATABLE when its value at a request is not known ahead. */
  read(handle: NodeDef): Tensor {
    const id = resourceOf(handle)
    const known = this.#tensors.get(id)
    if (known !== undefined) return known
    this.#keys ??= this.#readKeys()
    const tensor = this.#values.read(handle, this.#keys.get(id))
    this.#tensors.set(id, tensor)
    return tensor
  }

  #readKeys(): ReturnType<typeof keysOf> {
    if (this.#model.loading.restoreOp !== '') checkLasting(this.#model)
    return keysOf(this.#model)
  }
}

/** The operations that are gone once variables are constants. */
export const isBoundVariable = (op: string): boolean =>
  OWN_HANDLES.has(op) || op === 'VarHandleOp' || Object.hasOwn(READS, op)

/** The nodes with constants in the place of variables. */
export const bindVariables = (
  nodes: ReadonlyMap<string, NodeDef>,
  variables: Variables,
): ReadonlyMap<string, NodeDef> => bound(nodes, (node) => boundNode(node, nodes, variables))

/** The nodes with others in the place of some. */
export const bound = (
  nodes: ReadonlyMap<string, NodeDef>,
  replace: (node: NodeDef) => readonly NodeDef[],
): ReadonlyMap<string, NodeDef> =>
  new Map([...nodes.values()].flatMap(replace).map((node) => [node.name, node]))

function boundNode(
  node: NodeDef,
  nodes: ReadonlyMap<string, NodeDef>,
  variables: Variables,
): NodeDef[] {
  if (OWN_HANDLES.has(node.op)) return [constant(node.name, variables.read(node))]
  const read = READS[node.op]
  if (read === undefined) return [node]
  const handle = sourceOf(nodes, node.inputs[0])?.node
  if (handle?.op !== 'VarHandleOp') return [node]
  return read(node, variables.read(handle))
}

export const constant = (name: string, value: Tensor): NodeDef =>
  keptConstant({
    name,
    op: 'Const',
    inputs: [],
    attrs: { dtype: attr.type(value.dtype), value: { kind: 'tensor', value } },
  })

/** What reads a variable, as nodes that need none. */
const READS: Readonly<Record<string, (node: NodeDef, value: Tensor) => NodeDef[]>> = {
  ReadVariableOp: ({ name }, value) => [constant(name, value)],
  ResourceGather: ({ name, inputs, attrs }, value) => {
    const [table, axis] = [`${name} / variable`, `${name} / axis`]
    const { Tindices, batch_dims } = attrs
    const zero: Tensor = { dtype: 'DT_INT32', shape: [], values: Int32Array.of(0) }
    return [
      constant(table, value),
      constant(axis, zero),
      {
        name,
        op: 'GatherV2',
        inputs: [`${table}:0`, inputs[1] ?? '', `${axis}:0`],
        attrs: {
          Tparams: attr.type(value.dtype),
          Taxis: attr.type('DT_INT32'),
          ...(Tindices !== undefined && { Tindices }),
          ...(batch_dims !== undefined && { batch_dims }),
        },
      },
    ]
  },
  ResourceGatherNd: ({ name, inputs, attrs }, value) => {
    const table = `${name} / variable`
    const { Tindices } = attrs
    return [
      constant(table, value),
      {
        name,
        op: 'GatherNd',
        inputs: [`${table}:0`, inputs[1] ?? ''],
        attrs: {
          Tparams: attr.type(value.dtype),
          ...(Tindices !== undefined && { Tindices }),
        },
      },
    ]
  },
  VariableShape: (node, { shape }) => {
    const isLong = typeIn(node, 'out_type') === 'DT_INT64'
    const long = { dtype: 'DT_INT64' as const, values: BigInt64Array.from(shape, BigInt) }
    const short = { dtype: 'DT_INT32' as const, values: Int32Array.from(shape) }
    return [constant(node.name, { shape: [shape.length], ...(isLong ? long : short) })]
  },
}
