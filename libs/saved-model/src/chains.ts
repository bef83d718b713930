// Chains of sums with constants, and of products, as TensorFlow runs them: it takes the constants together where
// nobody else needs what is between them. `floor(x / 49 * 49)` is x then.

import { portOf } from './graph.ts'
import type { Placed } from './partition.ts'
import { type Leaf, type Link, type Operation, pushedDown } from './push-down.ts'
import { normal } from './reciprocals.ts'
import { Takers } from './same-nodes.ts'
import { scopeKey } from './scopes.ts'
import type { Value } from './values.ts'

/** Longer ones stay as they are: TensorFlow's way goes through a chain again and again. */
const LINKS_MAX = 256

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

interface Chained extends Link {
  placed: Placed
  /** What it adds to, or multiplies. */
  tensor: string
  below?: Chained | undefined
  length: number
}

/** These nodes, which come inputs first, with one in the place of each chain; those between are not needed any more. */
export function withoutChains(live: readonly Placed[], around: Around): readonly Placed[] {
  const links = new Map(live.flatMap((each) => linkOf(each, around)))
  if (links.size < 2) return live
  const takers = new Takers(live, around.valueOf, around.answers)
  const inner = new Set<Chained>()
  for (const link of links.values()) {
    const below = belowOf(link, { links, takers })
    if (below === undefined) continue
    link.below = below
    link.length = below.length + 1
    inner.add(below)
  }
  return live.map((placed) => {
    const link = links.get(placed.node.name)
    if (link?.below === undefined || inner.has(link) || link.length > LINKS_MAX) return placed
    return resultOf(link, around) ?? placed
  })
}

function linkOf(placed: Placed, { constants, isKnown }: Around): [name: string, link: Chained][] {
  const { node, inputs } = placed
  const [left = '', right = ''] = inputs
  const { [node.op]: operation } = OPERATIONS
  if (operation === undefined || inputs.length !== 2) return []
  const isFirst = constants.has(left)
  const [key, tensor] = isFirst ? [left, right] : [right, left]
  const value = constants.get(key)
  if (value === undefined || constants.has(tensor) || !isKnown(key, placed)) return []
  if (!isOfFloats(value) || (operation === 'RealDiv' && isFirst)) return []
  const constant: Leaf = { key, shape: value.shape }
  return [[node.name, { operation, constant, isFirst, placed, tensor, length: 1 }]]
}

const isOfFloats = ({ dtype }: Value): boolean => dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE'

/** The link that it follows in a chain. */
function belowOf(
  { operation, placed, tensor }: Chained,
  { links, takers }: { links: ReadonlyMap<string, Chained>; takers: Takers },
): Chained | undefined {
  const source = takers.sourceOf(tensor)
  const below = links.get(portOf(source).node)
  if (below === undefined || takers.count(source) > 1) return undefined
  if (isSum(below.operation) !== isSum(operation)) return undefined
  return scopeKey(below.placed.scope) === scopeKey(placed.scope) ? below : undefined
}

const isSum = (operation: Operation): boolean => operation === 'Add' || operation === 'Sub'

/** The node that the top of a chain becomes. */
function resultOf(top: Chained, { constants, fold }: Around): Placed | undefined {
  const links: Chained[] = []
  for (let at: Chained | undefined = top; at !== undefined; at = at.below) links.unshift(at)
  const { placed } = top
  const { T } = placed.node.attrs
  const attrs = T === undefined ? {} : { T }
  let made = 0
  const result = pushedDown(links[0]?.tensor ?? '', links, (operation, inputs) => {
    const name = `${placed.node.name} / constant ${made++}`
    const key = `${name}:0`
    if (!fold({ node: { name, op: OPS[operation], inputs, attrs }, inputs })) return undefined
    const value = constants.get(key)
    if (value !== undefined) constants.set(key, normal(value))
    return { key, shape: value?.shape }
  })
  if (result === undefined) return undefined
  const { operation, inputs } = result
  const node = { ...placed.node, op: OPS[operation], inputs, attrs }
  return { ...placed, node, inputs }
}
