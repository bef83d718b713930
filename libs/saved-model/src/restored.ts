// Which tensor of the checkpoint a variable has: what the graph's own restoring assigns to it.
//
// `tf.saved_model.save` of a Keras 3 model gives each weight two handles. The signatures read the one;
// the other, which begins with what the first holds, is what is saved and restored. Nothing fills the
// first, so that TensorFlow fails outside of Python. Such two are twins here.

import { SavedModelError } from './errors.ts'
import { flattenRun } from './flatten.ts'
import { type GraphDef, type NodeDef, portOf, type SavedModel } from './graph.ts'
import { textOf } from './node-attrs.ts'
import { CHANGES } from './state.ts'

export type Nodes = ReadonlyMap<string, NodeDef>

const HANDLES = new Set(['VarHandleOp', 'VariableV2', 'Variable'])
const ASSIGNMENTS = new Set(['AssignVariableOp', 'Assign'])
const PASSING = new Set(['Identity', 'IdentityN'])
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Two handles of one name are one variable. */
export function resourceOf(handle: NodeDef): string {
  const name = textOf(handle, 'shared_name', '')
  return `${textOf(handle, 'container', '')}/${name === '' ? handle.name : name}`
}

/** What a restore operation reads. */
export interface Restored {
  /** Of the tensor in the checkpoint. */
  key: string
  /** Which part of it, as `restored-slice.ts` reads it; empty for all. */
  slice: string
}

/** By resource, what of the checkpoint fills it; undefined where something else does. */
type Keys = ReadonlyMap<string, Restored | undefined>

/** What fills the variables, by resource. */
export function keysOf(model: SavedModel): Keys {
  const keys = new Map(restoredKeys(model))
  for (const { twin, restored } of twinsAmong(model, { copies: copiesIn(model), keys }))
    keys.set(resourceOf(twin), keys.get(resourceOf(restored)))
  return keys
}

/** What the restoring of a graph was found to fill, by its node: a model is looked at before it is loaded. */
const found = new WeakMap<GraphDef, { restoreOp: string; keys: Keys }>()

function restoredKeys({ graph, loading: { restoreOp } }: SavedModel): Keys {
  const known = found.get(graph)
  if (known?.restoreOp === restoreOp) return known.keys
  const keys = keysFilledBy(graph, restoreOp)
  found.set(graph, { restoreOp, keys })
  return keys
}

function keysFilledBy(graph: GraphDef, restoreOp: string): Keys {
  const keys = new Map<string, Restored | undefined>()
  if (restoreOp === '') return keys
  const nodes = flattenRun(graph, restoreOp)
  for (const node of nodes.values()) {
    if (!ASSIGNMENTS.has(node.op)) continue
    const handle = sourceOf(nodes, node.inputs[0])?.node
    if (handle === undefined || !HANDLES.has(handle.op)) continue
    keys.set(resourceOf(handle), restoredAt(nodes, node.inputs[1]))
  }
  return keys
}

/** Two handles of one variable, both nodes of the graph itself. */
export interface Twins {
  /** That nothing fills. */
  twin: NodeDef
  restored: NodeDef
}

/** The variables that only one of their two handles restores. */
export function twinsOf(model: SavedModel): Twins[] {
  const copies = copiesIn(model)
  if (copies.length === 0) return []
  try {
    return twinsAmong(model, { copies, keys: restoredKeys(model) })
  } catch (error) {
    // What cannot be followed is not known to be one.
    if (error instanceof SavedModelError) return []
    throw error
  }
}

/**
 * The keys under which the checkpoint has again what it has under others: Keras' `export` saves each weight from
 * both of its handles.
 */
export function doubledKeys(model: SavedModel): ReadonlySet<string> {
  const doubled = new Set<string>()
  const copies = copiesIn(model)
  if (copies.length === 0) return doubled
  try {
    const keys = restoredKeys(model)
    for (const { twin, restored } of copies) {
      const [one, other] = [twin, restored].map((handle) => keys.get(resourceOf(handle)))
      if (one !== undefined && other !== undefined && isSameValue(model, one.key, other.key))
        doubled.add(other.key)
    }
  } catch (error) {
    // What cannot be followed, or not be read, is not known to be one.
    if (!(error instanceof SavedModelError)) throw error
  }
  return doubled
}

function isSameValue({ checkpoint }: SavedModel, one: string, other: string): boolean {
  if (one === other) return false
  const [a, b] = [one, other].map((key) => checkpoint?.entries.get(key))
  if (a === undefined || b === undefined) return false
  return (['dtype', 'size', 'crc32c'] as const).every((fact) => a[fact] === b[fact])
}

function twinsAmong(
  model: SavedModel,
  { copies, keys }: { copies: readonly Twins[]; keys: Keys },
): Twins[] {
  const unfilled = copies.filter(
    ({ twin, restored }) => keys.has(resourceOf(restored)) && !keys.has(resourceOf(twin)),
  )
  if (unfilled.length === 0) return []
  const changed = changedIn(model)
  const counts = new Map<string, number>()
  for (const { twin } of unfilled) counts.set(twin.name, (counts.get(twin.name) ?? 0) + 1)
  return unfilled.filter(
    ({ twin }) => !changed.has(resourceOf(twin)) && counts.get(twin.name) === 1,
  )
}

/** Variables that begin with what others hold. */
function copiesIn({ graph }: SavedModel): Twins[] {
  const assignments = graph.nodes.filter(({ op }) => op === 'AssignVariableOp')
  if (assignments.length === 0) return []
  const nodes = byName(graph.nodes)
  return assignments.flatMap(({ inputs: [to, from] }) => {
    const restored = sourceOf(nodes, to)?.node
    const read = sourceOf(nodes, from)?.node
    const twin = read?.op === 'ReadVariableOp' ? sourceOf(nodes, read.inputs[0])?.node : undefined
    if (restored?.op !== 'VarHandleOp' || twin?.op !== 'VarHandleOp') return []
    return [{ twin, restored }]
  })
}

/** The resources that anything changes, in the graph itself or when the model is loaded. */
function changedIn({ graph, loading }: SavedModel): Set<string> {
  const changed = new Set<string>()
  const all = [byName(graph.nodes), ...loading.initOps.map((op) => flattenRun(graph, op))]
  for (const nodes of all)
    for (const node of nodes.values()) {
      const handle = CHANGES.test(node.op) ? sourceOf(nodes, node.inputs[0])?.node : undefined
      if (handle !== undefined) changed.add(resourceOf(handle))
    }
  return changed
}

const byName = (nodes: readonly NodeDef[]): Nodes => new Map(nodes.map((node) => [node.name, node]))

interface Source {
  node: NodeDef
  port: number
}

/** What a tensor comes from, through nodes that change nothing. */
export function sourceOf(nodes: Nodes, input = ''): Source | undefined {
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

/** What of the checkpoint a tensor is; undefined for what is not restored. */
export function restoredAt(nodes: Nodes, input = ''): Restored | undefined {
  const source = sourceOf(nodes, input)
  if (source?.node.op !== 'RestoreV2') return undefined
  const { node, port } = source
  const [key, slice] = [1, 2].map((at) => textAt(nodes, node.inputs[at], port))
  return key === undefined || slice === undefined ? undefined : { key, slice }
}

export function textAt(nodes: Nodes, input: string | undefined, index: number): string | undefined {
  const value = sourceOf(nodes, input)?.node.attrs['value']
  if (value?.kind !== 'tensor' || value.value.dtype !== 'DT_STRING') return undefined
  const text = value.value.values[index]
  return text && decoder.decode(text)
}
