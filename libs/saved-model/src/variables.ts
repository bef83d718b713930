// What variables hold when a model is served: what its checkpoint says, as long as no signature changes
// them. Which tensor of the checkpoint a variable has is what the graph's own restoring assigns to it.

import type { Tensor } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { flattenRun } from './flatten.ts'
import { attr, type NodeDef, portOf, type SavedModel } from './graph.ts'
import { textOf, untranslatable } from './node-attrs.ts'
import { keepsState } from './state.ts'
import { readFields, textOf as textIn } from './wire.ts'

const HANDLES = new Set(['VarHandleOp', 'VariableV2', 'Variable'])
const ASSIGNMENTS = new Set(['AssignVariableOp', 'Assign'])
const PASSING = new Set(['Identity', 'IdentityN'])
/** The key of a checkpoint under which Python keeps what it has saved: a TrackableObjectGraph. */
const OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH'
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The variables of a model, each read once. */
export class Variables {
  readonly #model: SavedModel
  readonly #tensors = new Map<string, Tensor>()
  #keys: ReadonlyMap<string, string> | undefined
  #names: ReadonlyMap<string, string> | undefined

  constructor(model: SavedModel) {
    this.#model = model
  }

  /** Throws UNTRANSLATABLE when its value at a request is not known ahead. */
  read(handle: NodeDef): Tensor {
    const id = resourceOf(handle)
    const known = this.#tensors.get(id)
    if (known !== undefined) return known
    this.#keys ??= keysOf(this.#model)
    const { checkpoint } = this.#model
    const key = this.#keys.get(id) ?? this.#savedUnder(textOf(handle, 'shared_name', ''))
    if (key === undefined || checkpoint === undefined)
      throw untranslatable(handle, 'nothing restores it')
    const tensor = checkpoint.tensor(key)
    this.#tensors.set(id, tensor)
    return tensor
  }

  /**
   * Keras 3 saves a weight under the name of one handle and lets the signatures read another, which
   * nothing restores: the checkpoint's own list of names tells that they are one.
   */
  #savedUnder(name: string): string | undefined {
    const { checkpoint } = this.#model
    if (name === '' || checkpoint?.entries.has(OBJECT_GRAPH) !== true) return undefined
    this.#names ??= namesIn(checkpoint.tensor(OBJECT_GRAPH))
    return this.#names.get(name)
  }
}

/** Two handles of one name are one variable. */
export function resourceOf(handle: NodeDef): string {
  const name = textOf(handle, 'shared_name', '')
  return `${textOf(handle, 'container', '')}/${name === '' ? handle.name : name}`
}

/** By resource, the key in the checkpoint. */
function keysOf(model: SavedModel): Map<string, string> {
  const keys = new Map<string, string>()
  if (model.loading.restoreOp === '') return keys
  if (keepsState(model))
    throw new SavedModelError('UNTRANSLATABLE', 'a signature changes what the model keeps')
  const nodes = flattenRun(model.graph, model.loading.restoreOp)
  for (const node of nodes.values()) {
    if (!ASSIGNMENTS.has(node.op)) continue
    const handle = sourceOf(nodes, node.inputs[0])
    const value = sourceOf(nodes, node.inputs[1])
    const key = value && keyOf(nodes, value)
    if (handle !== undefined && HANDLES.has(handle.node.op) && key !== undefined)
      keys.set(resourceOf(handle.node), key)
  }
  return keys
}

/** The keys of variables by their full names; what is not one variable's alone has none. */
function namesIn(graph: Tensor): Map<string, string> {
  const names = new Map<string, string>()
  const twice = new Set<string>()
  const [bytes = new Uint8Array()] = graph.dtype === 'DT_STRING' ? graph.values : []
  for (const node of readFields(bytes)) {
    if (node.number !== 1) continue
    for (const attribute of readFields(node.bytes)) {
      if (attribute.number !== 2) continue
      const [name, key] = [textIn(attribute.bytes, 2), textIn(attribute.bytes, 3)]
      if (names.has(name) && names.get(name) !== key) twice.add(name)
      names.set(name, key)
    }
  }
  for (const name of twice) names.delete(name)
  return names
}

interface Source {
  node: NodeDef
  port: number
}

/** What a tensor comes from, through nodes that change nothing. */
export function sourceOf(nodes: ReadonlyMap<string, NodeDef>, input = ''): Source | undefined {
  const passed = new Set<string>()
  for (let at = input; !passed.has(at);) {
    passed.add(at)
    const { node: name, port } = portOf(at)
    const node = nodes.get(name)
    if (node === undefined || !PASSING.has(node.op)) return node && { node, port }
    at = node.inputs[port] ?? ''
  }
  return undefined
}

/** The key that a restored tensor has in the checkpoint; undefined for a slice, and for what is not restored. */
function keyOf(nodes: ReadonlyMap<string, NodeDef>, { node, port }: Source): string | undefined {
  if (node.op !== 'RestoreV2') return undefined
  const key = textAt(nodes, node.inputs[1], port)
  return textAt(nodes, node.inputs[2], port) === '' ? key : undefined
}

function textAt(
  nodes: ReadonlyMap<string, NodeDef>,
  input: string | undefined,
  index: number,
): string | undefined {
  const value = sourceOf(nodes, input)?.node.attrs['value']
  if (value?.kind !== 'tensor' || value.value.dtype !== 'DT_STRING') return undefined
  const text = value.value.values[index]
  return text && decoder.decode(text)
}

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
  if (node.op === 'VariableV2' || node.op === 'Variable')
    return [constant(node.name, variables.read(node))]
  const read = READS[node.op]
  if (read === undefined) return [node]
  const handle = sourceOf(nodes, node.inputs[0])?.node
  if (handle?.op !== 'VarHandleOp') return [node]
  return read(node, variables.read(handle))
}

export const constant = (name: string, value: Tensor): NodeDef => ({
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
  VariableShape: ({ name, attrs }, { shape }) => {
    const isLong = attrs['out_type']?.kind === 'type' && attrs['out_type'].value === 'DT_INT64'
    const long = { dtype: 'DT_INT64' as const, values: BigInt64Array.from(shape, BigInt) }
    const short = { dtype: 'DT_INT32' as const, values: Int32Array.from(shape) }
    return [constant(name, { shape: [shape.length], ...(isLong ? long : short) })]
  },
}
