// The numeric part of a signature, written for ONNX. What stands in a branch of a condition is written
// into a graph within the graph, which runs only where the branch is taken.

import { SavedModelError } from './errors.ts'
import type { SignatureDef } from '@drover/serving-api'
import { portOf } from './graph.ts'
import { intsOf, labelOf, typesOf, untranslatable } from './node-attrs.ts'
import { unlessLarge } from './onnx/checks.ts'
import { listOf } from './onnx/lists.ts'
import {
  keepsRank,
  needsRank,
  type NumericType,
  type NumericValue,
  OnnxBuilder,
  onnxOpOf,
} from './onnx/index.ts'
import { type Conditions, conditionsIn } from './conditions.ts'
import { canonical } from './flatten.ts'
import type { Partition, Placed } from './partition.ts'
import { MEASURES } from './program/told-ahead.ts'
import { BRANCH_OUTPUT, LOOP, LOOP_VARIABLES } from './scopes.ts'
import { dependenciesOf } from './settled.ts'
import { type StaticShape, staticShapes } from './static-shapes.ts'
import { type Value, zeros } from './values.ts'

/** The numeric part of a signature, as an ONNX model. */
export interface OnnxModel {
  /** Equal numeric parts have equal bytes, whichever signature they are of. */
  bytes: Uint8Array<ArrayBuffer>
  outputs: readonly string[]
  /** The nodes of the graph that its own are made for, whose names say which: `n3.17` is made for that at 3. */
  sources: readonly string[]
}

/** The names of what an ONNX model takes and gives, by the tensors of the graph that they are. */
interface Numeric {
  model: OnnxModel
  feeds: ReadonlyMap<string, string>
  fetches: ReadonlyMap<string, string>
}

/** The numeric part; undefined where there is none. */
export function translateNumeric(signature: SignatureDef, parts: Partition): Numeric | undefined {
  return parts.numeric.length === 0
    ? undefined
    : new NumericTranslator(signature, parts).translate()
}

/** A value that is not text. */
export function numericOf(value: Value): NumericValue {
  if (value.dtype === 'DT_STRING')
    throw new SavedModelError('INVALID_INPUT', 'text cannot be calculated with')
  return value
}

class NumericTranslator {
  readonly #parts: Partition
  readonly #onnx = new OnnxBuilder()
  readonly #names = new Map<string, string>()
  readonly #feeds = new Map<string, string>()
  readonly #made = new Map<string, Placed>()
  readonly #sizes = new Set<string>()
  readonly #ranks: ReadonlyMap<string, number>
  readonly #shapeOf: (key: string) => StaticShape
  readonly #conditions: Conditions
  readonly #written = new Set<string>()

  constructor(signature: SignatureDef, parts: Partition) {
    this.#parts = parts
    this.#ranks = ranksOf(signature, parts.numeric)
    const nodes = [...parts.prelude, ...parts.numeric].map(({ node }) => node)
    this.#shapeOf = staticShapes(signature, { constants: parts.constants, nodes })
    this.#conditions = conditionsIn(parts, wantedOf(signature, parts))
  }

  translate(): Numeric {
    this.#writeScope('')
    const fetches = new Map<string, string>()
    for (const key of this.#conditions.wanted) {
      const placed = this.#made.get(key)
      const name = this.#names.get(key)
      if (placed === undefined || name === undefined || fetches.has(key)) continue
      this.#onnx.output(name, numericTypeOf(this.#parts, key, placed.node))
      fetches.set(key, name)
    }
    const bytes = this.#onnx.build()
    const model = { bytes, outputs: [...fetches.values()], sources: this.#onnx.sources }
    return { feeds: this.#feeds, fetches, model }
  }

  /** The nodes of one branch, or those that always run; then the conditions in it whose outputs nobody takes. */
  #writeScope(key: string): void {
    const { nodes, within } = this.#conditions
    for (const placed of nodes.get(key) ?? [])
      if (placed.node.op === BRANCH_OUTPUT) this.#writeCondition(placed.inputs[0] ?? '')
      else if (placed.node.op === LOOP) this.#writeLoop(placed)
      else if (placed.node.op !== LOOP_VARIABLES) this.#writeNode(placed)
    for (const choice of within.get(key) ?? []) this.#writeCondition(choice)
  }

  #writeNode(placed: Placed): void {
    const { node, inputs } = placed
    const translateOp = onnxOpOf(node.op)
    if (translateOp === undefined) throw untranslatable(node, 'it has no translation')
    const constants = this.#parts.constants
    const isSize = (key: string) => constants.has(key) || this.#sizes.has(portOf(key).node)
    this.#onnx.about(labelOf(node))
    const outputs = translateOp({
      node,
      onnx: this.#onnx,
      inputs: inputs.map((key) => this.#nameOf(key, node)),
      constant: (index) => constants.get(inputs[index] ?? ''),
      shape: (index) => this.#shapeOf(inputs[index] ?? ''),
      result: this.#shapeOf(`${node.name}:0`),
      producer: (index) => this.#made.get(inputs[index] ?? '')?.node,
      isSize: (index) => isSize(inputs[index] ?? ''),
    })
    if (MEASURES.has(node.op) || inputs.every(isSize)) this.#sizes.add(node.name)
    for (const [port, name] of [outputs].flat().entries()) {
      this.#names.set(`${node.name}:${port}`, name)
      this.#made.set(`${node.name}:${port}`, placed)
    }
  }

  #nameOf(key: string, node: Placed['node']): string {
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const constant = this.#parts.constants.get(key)
    // Text only reaches the nodes of the prelude and the postlude.
    const name =
      constant === undefined
        ? this.#onnx.input(numericTypeOf(this.#parts, key, node), this.#ranks.get(key))
        : this.#onnx.constant(numericOf(constant))
    this.#names.set(key, name)
    if (constant === undefined) this.#feeds.set(key, name)
    return name
  }

  #writeLoop(placed: Placed): void {
    const { node, inputs } = placed
    const [first = '', next = '', ...others] = inputs
    const types = typesOf(node, 'T').map((_, at) =>
      numericTypeOf(this.#parts, `${node.name}:${at}`, node),
    )
    const lists = intsOf(node, 'lists', []).map(Number)
    const plain = types.flatMap((_, at) => (lists.includes(at) ? [] : [at]))
    const initOf = (at: number) => this.#nameOf(others[at] ?? '', node)
    const outOf = (at: number) => this.#nameOf(others[types.length + at] ?? '', node)
    const typeOf = (at: number) => types[at] ?? 'DT_FLOAT'
    const choice = `${node.name} / variables`
    if ([first, next].some((key) => numericTypeOf(this.#parts, key, node) !== 'DT_BOOL'))
      throw untranslatable(node, 'its condition is no truth value')
    this.#written.add(`${choice}:0`)
    this.#onnx.about(labelOf(node))
    const outputs = this.#onnx.loop(this.#truth(first, node), {
      variables: plain.map((at) => ({ initial: initOf(at), type: typeOf(at) })),
      scans: lists.flatMap((at) => [typeOf(at), 'DT_INT64' as const]),
      round: (names) => {
        for (const [position, at] of plain.entries())
          this.#names.set(`${choice}:${at}`, names[position] ?? '')
        this.#writeScope(`${choice}:0 0`)
        const written = lists.flatMap((at, position) => {
          const index = this.#nameOf(others[2 * types.length + position] ?? '', node)
          return [outOf(at), this.#onnx.cast(index, 'DT_INT64')]
        })
        return { goesOn: this.#truth(next, node), values: plain.map(outOf), written }
      },
    })
    const found = [
      ...plain.map((at, position) => [at, outputs[position] ?? ''] as const),
      ...lists.map((at, position) => {
        const [values = '', indices = ''] = outputs.slice(plain.length + 2 * position)
        const written = { values, indices, count: initOf(at), type: typeOf(at) }
        return [at, listOf(this.#onnx, written)] as const
      }),
    ]
    for (const [at, name] of found) {
      this.#names.set(`${node.name}:${at}`, name)
      this.#made.set(`${node.name}:${at}`, placed)
    }
  }

  /** Another tensor than a scalar would be true where it has elements. */
  #truth(key: string, node: Placed['node']): string {
    const name = this.#nameOf(key, node)
    if (this.#shapeOf(key)?.length === 0) return name
    const rank = this.#onnx.op('Shape', [this.#onnx.op('Shape', [name])])
    return unlessLarge(this.#onnx, this.#onnx.cast(rank, 'DT_BOOL'), name)
  }

  /** What comes out of a condition: its own outputs, and what else somebody wants of its branches. */
  #writeCondition(choice: string): void {
    if (this.#written.has(choice)) return
    this.#written.add(choice)
    const { outputs, extras, counts } = this.#conditions
    const placed = outputs.get(choice)
    const count = counts.get(choice) ?? 1
    const types = placed === undefined ? [] : typesOf(placed.node, 'T')
    const ports = types.map((_, port) => ({
      key: `${placed?.node.name}:${port}`,
      at: (branch: number) => placed?.inputs[1 + branch * types.length + port],
    }))
    const others = (extras.get(choice) ?? []).map(({ key, branch: own }) => ({
      key,
      at: (branch: number) => (branch === own ? key : undefined),
    }))
    const wanted = [...ports, ...others]
    if (wanted.length === 0) return
    const node = placed?.node ?? { name: choice, op: BRANCH_OUTPUT, inputs: [], attrs: {} }
    const kinds = wanted.map(({ key }) => numericTypeOf(this.#parts, key, node))
    const index = this.#nameOf(choice, node)
    this.#onnx.about(labelOf(node))
    const branch = (at: number) => (): string[] => {
      this.#writeScope(`${choice} ${at}`)
      return wanted.map((each, position) => {
        const key = each.at(at)
        const nothing = () =>
          this.#onnx.constant(numericOf(zeros(kinds[position] ?? 'DT_FLOAT', [0])))
        return key === undefined ? nothing() : this.#nameOf(key, node)
      })
    }
    const names = this.#onnx.choice(index, {
      types: kinds,
      branches: Array.from({ length: count }, (_, at) => branch(at)),
    })
    for (const [position, { key }] of wanted.entries()) {
      this.#names.set(key, names[position] ?? '')
      if (placed !== undefined && position < ports.length) this.#made.set(key, placed)
    }
  }
}

/** What the postlude and the signature need. */
const wantedOf = ({ outputs }: SignatureDef, { postlude }: Partition): string[] => [
  ...postlude.flatMap((placed) => dependenciesOf(placed)),
  ...Object.values(outputs).map(({ name }) => canonical(name)),
]

/**
 * The ranks that the ONNX model insists on, of the inputs by which they matter. A signature's shape
 * binds nobody: requests may bring another one, and the graph says whether it can be worked with.
 * Where ONNX would take more than TensorFlow does, the signature's rank is the one it takes.
 */
function ranksOf(signature: SignatureDef, numeric: readonly Placed[]): Map<string, number> {
  const bound = new Set<string>()
  for (const { node, inputs } of numeric.toReversed()) {
    const isBound = needsRank(node.op) || (keepsRank(node.op) && bound.has(`${node.name}:0`))
    if (isBound) for (const key of inputs) bound.add(key)
  }
  const ranks = new Map<string, number>()
  for (const { name, shape } of Object.values(signature.inputs))
    if (shape !== undefined && bound.has(canonical(name))) ranks.set(canonical(name), shape.length)
  return ranks
}

function numericTypeOf(
  { types, constants }: Partition,
  key: string,
  node: Placed['node'],
): NumericType {
  const type = types.get(key) ?? constants.get(key)?.dtype
  if (type === undefined || type === 'DT_STRING')
    throw untranslatable(node, `the tensor ${key} has no numeric type`)
  return type
}
