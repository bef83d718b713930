// Rewrites a flat graph so that no element type is left in it that another one carries: each node works
// on the carriers instead, and where its results may be what the narrow type cannot hold, a node of ours
// brings them back. What is not known to come to the same is left as it is, and refused by whoever needs it.

import type { TypeName } from '@drover/serving-api'
import type { AttrValue, NodeDef } from '../graph.ts'
import { canonical } from '../flatten.ts'
import type { FlatSignature } from '../inline.ts'
import { typeIn, untranslatable } from '../node-attrs.ts'
import { loweredCast } from './casts.ts'
import { isExact, isNarrowed } from './operations.ts'
import { stepwise } from './stepwise.ts'
import { type CarriedType, carrierOf, isCarriedType, isComplexType } from './types.ts'
import { isNarrow, isWidenable, widened } from './values.ts'

type Graph = Pick<FlatSignature, 'nodes' | 'scopes'>

/** The operation that brings numbers back to what the type `to` can hold. TensorFlow has none of that name. */
export const NARROW = 'DroverNarrow'

/** A product whose factors may be of another type than what it makes. */
const PRODUCT = 'BatchMatMulV3'
/** What constants may take in all that are made wider, and an element of one. */
const WIDENED_BYTES_MAX = 2 ** 29
const WIDE_BYTES = 4
/** Attributes that say of which type the elements are that a node works on. */
const ELEMENTS: ReadonlySet<string> = new Set(['SrcT', 'DstT', 'T', 'TI', 'Tparams', 'dtype'])
/** Those of them that say what it makes. */
const RESULTS = ['DstT', 'T', 'Tparams']
/** Operations with several outputs, of which the first alone is of the type that is carried. */
const NORMALISING = /^FusedBatchNorm(V2|V3)?$/

/** A graph on carriers. What stands for a node is in the branch that it is in. */
export function onCarriers({ nodes, scopes }: Graph): Graph {
  const asked = new Set(Array.from(nodes.values(), ({ inputs }) => inputs.map(canonical)).flat())
  const found = new Map<string, NodeDef>()
  const within = new Map(scopes)
  let left = WIDENED_BYTES_MAX
  for (const node of nodes.values()) {
    const scope = scopes.get(node.name)
    left -= constantBytes(node)
    if (left < 0) throw untranslatable(node, 'its value is too large for another type')
    for (const each of lowered(node, asked)) {
      found.set(each.name, each)
      if (scope !== undefined) within.set(each.name, scope)
    }
  }
  return { nodes: found, scopes: within }
}

/** What the value of a constant of a carried type takes, about. */
function constantBytes({ op, attrs }: NodeDef): number {
  const value = op === 'Const' ? attrs['value'] : undefined
  return value?.kind === 'tensor' && isWidenable(value.value)
    ? value.value.values.length * WIDE_BYTES
    : 0
}

/** The first type that a node names and another one carries. */
export function carriedTypeIn(node: NodeDef): CarriedType | undefined {
  return node.op === NARROW ? undefined : typesIn(node)[0]?.type
}

function typesIn({ attrs }: NodeDef): { attribute: string; type: CarriedType }[] {
  const types: { attribute: string; type: CarriedType }[] = []
  for (const [attribute, attr] of Object.entries(attrs))
    for (const type of namedBy(attr)) if (isCarriedType(type)) types.push({ attribute, type })
  return types
}

function namedBy(attr: AttrValue): readonly TypeName[] {
  if (attr.kind === 'type') return [attr.value]
  return attr.kind === 'types' ? attr.value : NONE
}

const NONE: readonly TypeName[] = []

function lowered(node: NodeDef, asked: ReadonlySet<string>): readonly NodeDef[] {
  const types = typesIn(node)
  if (types.length === 0) return [node]
  if (node.op === 'Const') return [constant(node)]
  if (node.op === PRODUCT) return [product(node)]
  if (node.op === 'Cast') return loweredCast(node, { withCarriers, narrowing }) ?? [node]
  const isKnown = types.every(({ attribute, type }) => {
    const isAllowed = isExact(node.op, type) || isNarrowed(node.op, type)
    return ELEMENTS.has(attribute) && !isComplexType(type) && isAllowed
  })
  if (!isKnown || hasOtherPorts(node, asked)) return [node]
  const result = RESULTS.map((name) => types.find(({ attribute }) => attribute === name))
  const type = result.find((each) => each !== undefined)?.type
  const wide = withCarriers(node)
  if (type === undefined) return [wide]
  const finish = (step: NodeDef) => narrowing(step, type)
  return stepwise(wide, type, finish) ?? (isExact(node.op, type) ? [wide] : finish(wide))
}

/** Of small integers TensorFlow makes int32 first as well. */
function product(node: NodeDef): NodeDef {
  const { Ta, Tb, Tout, ...attrs } = withCarriers(node).attrs
  const isOfInts = [Ta, Tb].every((attr) => attr?.kind === 'type' && attr.value === 'DT_INT32')
  const isInt = typeIn(node, 'Tout') === 'DT_INT32'
  return isOfInts && isInt && Tout !== undefined
    ? { ...node, op: 'BatchMatMulV2', attrs: { ...attrs, T: Tout } }
    : node
}

const hasOtherPorts = ({ op, name }: NodeDef, asked: ReadonlySet<string>): boolean =>
  NORMALISING.test(op) && [1, 2, 3, 4, 5].some((port) => asked.has(`${name}:${port}`))

function constant(node: NodeDef): NodeDef {
  const value = node.attrs['value']
  if (value?.kind !== 'tensor') return node
  const tensor = value.value
  if (!isWidenable(tensor)) return node
  const { attrs } = withCarriers(node)
  return { ...node, attrs: { ...attrs, value: { kind: 'tensor', value: widened(tensor) } } }
}

/** The same node on carriers. */
function withCarriers(node: NodeDef): NodeDef {
  const attrs = Object.entries(node.attrs).map(([name, attr]): [string, AttrValue] => {
    if (attr.kind === 'type') return [name, { kind: 'type', value: carrierOf(attr.value) }]
    if (attr.kind === 'types') return [name, { kind: 'types', value: attr.value.map(carrierOf) }]
    return [name, attr]
  })
  return { ...node, attrs: Object.fromEntries(attrs) }
}

/** A node whose first output is brought back to what a type can hold. */
function narrowing(wide: NodeDef, type: CarriedType): NodeDef[] {
  if (!isNarrow(type)) return [wide]
  const name = `${wide.name} / wide`
  const { _output_shapes: shapes } = wide.attrs
  const narrow: NodeDef = {
    name: wide.name,
    op: NARROW,
    inputs: [`${name}:0`],
    attrs: {
      T: { kind: 'type', value: carrierOf(type) },
      to: { kind: 'type', value: type },
      ...(shapes !== undefined && { _output_shapes: shapes }),
    },
  }
  return [{ ...wide, name }, narrow]
}
