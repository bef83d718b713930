// Takes the part of a graph that one signature needs, and divides it for ONNX:
//
//   constants   what can be worked out ahead
//   prelude     nodes with text and whatever feeds them, run in TypeScript
//   numeric     everything else, run by ONNX
//   postlude    nodes with text that need what ONNX gives, and what follows them, in TypeScript

import type { TensorInfo } from '@drover/serving-api'
import { carriedTypeIn } from './carried/index.ts'
import { type Around, withoutChains } from './chains.ts'
import { SavedModelError } from './errors.ts'
import { canonical } from './flatten.ts'
import { type NodeDef, portOf } from './graph.ts'
import type { FlatSignature } from './inline.ts'
import { costOf, kernelOf, textKernelOf } from './kernels/index.ts'
import { tensorOf, untranslatable } from './node-attrs.ts'
import { onnxOpOf } from './onnx/index.ts'
import { KnownAhead, narrowedIn, withoutDivision } from './reciprocals.ts'
import { BRANCH_OUTPUT, type Scope, scopesOf } from './scopes.ts'
import { checkedIn, dependenciesOf, neededBy, settler } from './settled.ts'
import { portTypes } from './types.ts'
import { isValueType, toValue, type Value, type ValueType } from './values.ts'

/** What a signature's constants may take that are worked out ahead: elements, and about so many nanoseconds. */
const FOLDED_ELEMENTS_MAX = 2 ** 21
const FOLDED_NS_MAX = 250_000_000
/** Nodes that are not constant, and their inputs all together. */
const LIVE_MAX = 100_000

/** A node with its inputs by canonical names: always `node:port`. */
export interface Placed {
  node: NodeDef
  inputs: readonly string[]
  /** The branch that it stands in. */
  scope?: Scope | undefined
}

/** What a signature needs of a graph. */
export interface Needed {
  constants: Map<string, Value>
  /** The nodes that are not constant, inputs first. */
  live: Placed[]
  /** The element type of every tensor that is not constant. */
  types: Map<string, ValueType>
  /** The tensors that a request brings. */
  fed: ReadonlySet<string>
}

/** The same, divided. */
export interface Partition extends Omit<Needed, 'live'> {
  prelude: Placed[]
  numeric: Placed[]
  postlude: Placed[]
}

/** Throws UNTRANSLATABLE, naming the node, when the signature cannot be run without TensorFlow. */
export function neededOf(flat: FlatSignature): Needed {
  const { signature, checks } = flat
  const fed = new Map(Object.values(signature.inputs).map(fedOf))
  const wanted = Object.values(signature.outputs).map((info) => fedOf(info)[0])
  const constants = new Map<string, Value>()
  const left = { elements: FOLDED_ELEMENTS_MAX, ns: FOLDED_NS_MAX }
  const roots = [...wanted.filter((key) => !fed.has(key)).map((key) => portOf(key).node), ...checks]
  const ordered = liveNodes(flat, fed, roots)
  const settle = settler(constants)
  const known = new KnownAhead()
  const unknown = ordered.flatMap((placed) => {
    const settled = settle(placed)
    if (settled === undefined) return []
    if (!fold(settled, constants, left)) return [settled]
    known.note(settled, placed.scope)
    return []
  })
  const around: Around = {
    constants,
    isKnown: (key, { node }) => known.has(key, flat.scopes.get(node.name)),
    valueOf: (key) => (known.isKnown(key) ? constants.get(key) : undefined),
    answers: new Set(wanted),
    fold: (placed) => fold(placed, constants, left),
  }
  const chained = withoutChains(neededBy(unknown, roots), around)
  const narrowed = narrowedIn(chained)
  const live = neededBy(chained, roots).map((each) =>
    withoutDivision(each, { ...around, narrowed }),
  )
  const types = new Map(fed)
  for (const { node } of live) {
    checkCarried(node)
    for (const [port, type] of portTypes(node).entries())
      if (!fed.has(`${node.name}:${port}`)) types.set(`${node.name}:${port}`, type)
  }
  checkCount(live)
  for (const key of wanted)
    if (!types.has(key) && !constants.has(key)) checkPort(flat.nodes.get(portOf(key).node), key)
  return { constants, live, types, fed: new Set(fed.keys()) }
}

function checkCount(live: readonly Placed[]): void {
  const count = live.reduce((sum, { inputs }) => sum + inputs.length, live.length)
  if (count > LIVE_MAX)
    throw new SavedModelError('UNTRANSLATABLE', `it has over ${LIVE_MAX} nodes and inputs`)
}

/** An output that a node does not have is TensorFlow's to refuse, at each request. */
function checkPort(node: NodeDef | undefined, key: string): void {
  if (node === undefined || (kernelOf(node.op) ?? onnxOpOf(node.op)) !== undefined)
    throw new SavedModelError('UNTRANSLATABLE', `no node has the output ${key}`)
}

/** Divides what a signature needs; throws UNTRANSLATABLE for what neither ONNX nor TypeScript runs. */
export function partition({ live, ...known }: Needed): Partition {
  const early = earlyNodes(live, known)
  const late = new Set<string>()
  const parts: Partition = { ...known, prelude: [], numeric: [], postlude: [] }
  for (const each of live) {
    const { node, scope } = each
    const isInLoop = scopesOf(scope).some(({ isLoop }) => isLoop)
    if (isInLoop && (early.has(node.name) || isForced(each, known)))
      throw untranslatable(node, 'it has no translation within a loop')
    if (early.has(node.name)) parts.prelude.push(each)
    else if (
      isForced(each, known) ||
      dependenciesOf(each).some((key) => late.has(portOf(key).node))
    ) {
      late.add(node.name)
      if (!hasKernel(node)) throw untranslatable(node, 'it has no translation')
      parts.postlude.push(each)
    } else parts.numeric.push(each)
  }
  return parts
}

/** What works on carriers does not name what they carry any more. */
function checkCarried(node: NodeDef): void {
  const type = carriedTypeIn(node)
  if (type !== undefined) throw untranslatable(node, `it works on ${type}`)
}

/** The name and the type of a tensor of a signature. Throws UNTRANSLATABLE for a type that is TensorFlow's alone. */
export function fedOf({ name, dtype }: TensorInfo): [key: string, type: ValueType] {
  if (name === '' || !isValueType(dtype))
    throw new SavedModelError('UNTRANSLATABLE', `the signature has a tensor of ${dtype}`)
  return [canonical(name), dtype]
}

/** These nodes and what they need, inputs first. Walks without recursion: graphs may be deep. */
function liveNodes(
  flat: FlatSignature,
  fed: ReadonlyMap<string, unknown>,
  roots: readonly string[],
): Placed[] {
  const ordered: Placed[] = []
  const state = new Map<string, 'open' | 'done'>()
  const checked = checkedIn(flat.checks.map((name) => placedNode(flat, name)))
  const stack = [...roots]
  while (stack.length > 0) {
    const name = stack.at(-1) ?? ''
    if (state.get(name) === 'done') {
      stack.pop()
      continue
    }
    const placed = placedNode(flat, name)
    const before = [...dependenciesOf(placed)]
    if (placed.node.op === BRANCH_OUTPUT)
      before.push(...(checked.get(placed.inputs[0] ?? '') ?? []))
    const missing = before
      .filter((key) => !fed.has(key))
      .map((key) => portOf(key).node)
      .filter((input) => state.get(input) !== 'done')
    if (missing.length === 0) {
      stack.pop()
      ordered.push(placed)
      state.set(name, 'done')
    } else {
      if (missing.some((input) => state.get(input) === 'open'))
        throw untranslatable(placed.node, 'it is part of a loop')
      state.set(name, 'open')
      for (const input of missing) stack.push(input)
    }
  }
  return ordered
}

function placedNode({ nodes, scopes }: FlatSignature, name: string): Placed {
  const node = nodes.get(name)
  if (node === undefined)
    throw new SavedModelError('NOT_A_SAVED_MODEL', `the graph has no node ${name}`)
  if (node.op === 'Placeholder') throw untranslatable(node, 'the signature does not feed it')
  return { node, inputs: node.inputs.map(canonical), scope: scopes.get(name) }
}

const isProduct = (op: string): boolean => op === 'MatMul' || op === 'BatchMatMulV2'

/** Works out a node whose inputs are all constant, as long as there is something left for it. */
function fold(
  { node, inputs }: Placed,
  constants: Map<string, Value>,
  left: { elements: number; ns: number },
): boolean {
  if (carriedTypeIn(node) !== undefined) return false
  if (node.op === 'Const') {
    constants.set(`${node.name}:0`, toValue(tensorOf(node, 'value')))
    return true
  }
  const kernel = kernelOf(node.op)
  const values = inputs.flatMap((key) => constants.get(key) ?? [])
  if (kernel === undefined || values.length < inputs.length || isProduct(node.op)) return false
  try {
    const run = kernel(node)
    const ns = costOf(node)(values)
    if (ns > left.ns) return false
    left.ns -= ns
    const results = run(values)
    const elements = results.reduce((sum, result) => sum + result.values.length, 0)
    if (elements > left.elements) return false
    left.elements -= elements
    for (const [port, result] of results.entries()) constants.set(`${node.name}:${port}`, result)
    return true
  } catch (error) {
    // Whoever runs the node meets the same fault, and says so then.
    if (error instanceof SavedModelError) return false
    throw error
  }
}

type Known = Omit<Needed, 'live'>

/** A node that ONNX cannot run. */
function isForced({ node, inputs }: Placed, { types, constants }: Known): boolean {
  const isText = (key: string) => (types.get(key) ?? constants.get(key)?.dtype) === 'DT_STRING'
  return onnxOpOf(node.op) === undefined || isText(`${node.name}:0`) || inputs.some(isText)
}

/** The nodes of the prelude: those forced to TypeScript that need nothing from ONNX, and all before them. */
function earlyNodes(live: readonly Placed[], known: Known): Set<string> {
  const able = new Set<string>()
  for (const placed of live) {
    const { node } = placed
    const isReady = dependenciesOf(placed).every(
      (key) => known.fed.has(key) || known.constants.has(key) || able.has(portOf(key).node),
    )
    if (isReady && hasKernel(node, textKernelOf)) able.add(node.name)
  }
  const early = new Set<string>()
  for (const each of live.toReversed()) {
    const isNeeded = early.has(each.node.name) || isForced(each, known)
    if (!isNeeded || !able.has(each.node.name)) continue
    early.add(each.node.name)
    for (const key of dependenciesOf(each)) if (!known.fed.has(key)) early.add(portOf(key).node)
  }
  return early
}

/** Whether TypeScript runs the node as it is; where it does not, ONNX may. */
export function hasKernel(node: NodeDef, find = kernelOf): boolean {
  try {
    return find(node.op)?.(node) !== undefined
  } catch (error) {
    if (error instanceof SavedModelError) return false
    throw error
  }
}
