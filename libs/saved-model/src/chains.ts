// Chains of sums with constants, and of products, as TensorFlow runs them: it takes the constants together where
// nobody else needs what is between them. `floor(x / 49 * 49)` is x then.

import { sizeOf } from '@drover/serving-api'
import { STEP } from './carried/index.ts'
import { type NodeDef, portOf } from './graph.ts'
import type { Placed } from './partition.ts'
import { type Leaf, type Operation, pushedDown, type Result, type Tree } from './push-down.ts'
import { normal } from './reciprocals.ts'
import { Takers } from './same-nodes.ts'
import { scopeKey } from './scopes.ts'
import type { Value } from './values.ts'

/** Longer ones stay as they are: TensorFlow's way goes through a chain again and again. */
const STEPS_MAX = 256

const OPERATIONS: Readonly<Record<string, Operation>> = {
  Add: 'Add',
  AddV2: 'Add',
  Div: 'RealDiv',
  Mul: 'Mul',
  RealDiv: 'RealDiv',
  Sub: 'Sub',
}
const OPS: Readonly<Record<Operation, string>> = {
  Add: 'AddV2',
  Mul: 'Mul',
  RealDiv: 'RealDiv',
  Reciprocal: 'Reciprocal',
  Sub: 'Sub',
}

/** What steps of other operations do among themselves is not TensorFlow's to change. */
const operationOf = ({ op, attrs }: NodeDef): Operation | undefined =>
  attrs[STEP] === undefined ? OPERATIONS[op] : undefined

/** What is known of the graph around chains. */
export interface Around {
  constants: Map<string, Value>
  /** Whether TensorFlow knows a constant ahead, where this node takes it. */
  isKnown: (key: string, taker: Placed) => boolean
  /** The value of a constant that TensorFlow knows ahead at all. */
  valueOf: (key: string) => Value | undefined
  /** The tensors that are answers. */
  answers: ReadonlySet<string>
  /** Works out a node; false where it cannot. */
  fold: (placed: Placed) => boolean
}

/** A step of a chain: its operands are constants, or tensors by their names. */
interface Part {
  placed: Placed
  operation: Operation
  operands: readonly (Leaf | string)[]
  hasConstant: boolean
}

/** What chains are made of. */
interface Parts {
  all: ReadonlyMap<string, Part>
  takers: Takers
}

/** These nodes, which come inputs first, with what becomes of chains; nodes within those are not needed any more. */
export function withoutChains(live: readonly Placed[], around: Around): readonly Placed[] {
  const steps = live.filter(({ node }) => operationOf(node) !== undefined)
  const isConstant = (key: string) => around.constants.has(key)
  if (steps.length < 2 || !steps.some(({ inputs }) => inputs.some(isConstant))) return live
  const takers = new Takers(live, around.valueOf, around.answers)
  const all = new Map(steps.flatMap((each) => partOf(each, around, takers)))
  const seen = new Set<Part>()
  const replaced = live.toReversed().flatMap((placed) => {
    const part = all.get(placed.node.name)
    if (part === undefined || !part.hasConstant || seen.has(part)) return [placed]
    return replacementOf(part, { all, takers }, { ...around, seen })?.toReversed() ?? [placed]
  })
  return replaced.toReversed()
}

function partOf(placed: Placed, around: Around, takers: Takers): [name: string, part: Part][] {
  const { node, inputs } = placed
  const operation = operationOf(node)
  if (operation === undefined || inputs.length !== 2) return []
  const operands = inputs.map((key) =>
    around.constants.has(key) ? leafOf(key, placed, around) : key,
  )
  const known = operands.filter((operand) => operand !== undefined)
  const constants = known.filter((operand) => typeof operand !== 'string')
  if (known.length < 2 || constants.length > 1) return []
  const part = { placed, operation, hasConstant: constants.length === 1 }
  if (part.hasConstant)
    return operation === 'RealDiv' && typeof known[0] !== 'string'
      ? []
      : [[node.name, { ...part, operands: known }]]
  // TensorFlow leaves a quotient of two tensors where it is.
  if (operation === 'RealDiv') return []
  // Before it looks for constants, it brings operands into the order of their names.
  const nameOf = (key: string): string => takers.sourceOf(key).replace(/:0$/, '')
  const byName = (a: string, b: string): number => (nameOf(a) < nameOf(b) ? -1 : 1)
  return [
    [node.name, { ...part, operands: operation === 'Sub' ? inputs : inputs.toSorted(byName) }],
  ]
}

/** A constant; undefined where TensorFlow does not know it ahead, or leaves it as it is. */
function leafOf(key: string, placed: Placed, { constants, isKnown }: Around): Leaf | undefined {
  const value = constants.get(key)
  if (value === undefined || !isKnown(key, placed) || !isOfFloats(value)) return undefined
  return { key, shape: value.shape }
}

const isOfFloats = ({ dtype }: Value): boolean => dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE'

/** The step that gives an operand, where it belongs to the same chain. */
function belowOf({ operation, placed }: Part, key: string, parts: Parts): Part | undefined {
  const source = parts.takers.sourceOf(key)
  const below = parts.all.get(portOf(source).node)
  if (below === undefined || parts.takers.count(source) > 1) return undefined
  if (isSum(below.operation) !== isSum(operation)) return undefined
  return scopeKey(below.placed.scope) === scopeKey(placed.scope) ? below : undefined
}

const isSum = (operation: Operation): boolean => operation === 'Add' || operation === 'Sub'

/** The parts of a chain, from its top; of `isAlone`, those where each has a constant. */
function chainOf(top: Part, parts: Parts, isAlone: boolean): Map<string, Part> {
  const chain = new Map([[top.placed.node.name, top]])
  // A map that grows while it is walked is walked to its end.
  for (const part of chain.values())
    for (const operand of part.operands) {
      const below = typeof operand === 'string' ? belowOf(part, operand, parts) : undefined
      if (below === undefined || (isAlone && !below.hasConstant)) continue
      if (chain.size <= STEPS_MAX) chain.set(below.placed.node.name, below)
    }
  return chain
}

/**
 * A constant of one element goes on to what is made of two tensors, whatever their shapes; of others that
 * depends on shapes that nobody knows here.
 */
const isSingle = (operand: Leaf | string): boolean =>
  typeof operand === 'string' || (operand.shape !== undefined && sizeOf(operand.shape) === 1)

/** The nodes in the place of the top of a chain, and of all of it. */
function replacementOf(
  top: Part,
  parts: Parts,
  around: Around & { seen: Set<Part> },
): Placed[] | undefined {
  const whole = chainOf(top, parts, false)
  const isAlone = ![...whole.values()].every(({ operands }) => operands.every(isSingle))
  const chain = isAlone ? chainOf(top, parts, true) : whole
  for (const part of chain.values()) around.seen.add(part)
  if (chain.size < 2 || chain.size > STEPS_MAX) return undefined
  const treeOf = ({ operation, operands }: Part): Tree => ({
    operation,
    inputs: operands.map((operand) => {
      if (typeof operand !== 'string') return operand
      const below = chain.get(portOf(parts.takers.sourceOf(operand)).node)
      return below === undefined ? { key: operand, shape: undefined } : treeOf(below)
    }),
  })
  return nodesOf(top.placed, treeOf(top), { ...around, isAlone })
}

/** The nodes that a tree becomes, inputs first. */
function nodesOf(
  placed: Placed,
  tree: Tree,
  { isAlone, constants, fold }: Around & { isAlone: boolean },
): Placed[] | undefined {
  const { T } = placed.node.attrs
  const attrs = T === undefined ? {} : { T }
  let made = 0
  const nameOf = (what: string) => `${placed.node.name} / ${what} ${made++}`
  const result = pushedDown(tree, (operation, inputs) => {
    const name = nameOf('constant')
    const key = `${name}:0`
    if (!fold({ node: { name, op: OPS[operation], inputs, attrs }, inputs })) return undefined
    const value = constants.get(key)
    if (value !== undefined) constants.set(key, normal(value))
    return { key, shape: value?.shape }
  })
  if (result === undefined || typeof result === 'string') return undefined
  if (isAlone && result.inputs.some((input) => typeof input !== 'string')) return undefined
  const nodes: Placed[] = []
  const add = (step: Result, name: string): string => {
    if (typeof step === 'string') return step
    const inputs = step.inputs.map((input) => add(input, nameOf('step')))
    const node = { ...placed.node, name, op: OPS[step.operation], inputs, attrs }
    nodes.push({ ...placed, node, inputs })
    return `${name}:0`
  }
  add(result, placed.node.name)
  return nodes
}
