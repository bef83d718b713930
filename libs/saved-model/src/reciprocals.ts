// Divisions by constants, as TensorFlow does them: before a graph runs, it makes products of them, with what one
// divided by the constant is. That is rounded once more, and where a whole number is made of the result,
// such as the size of an image, another one comes out.

import { attr, type NodeDef, portOf } from './graph.ts'
import type { Placed } from './partition.ts'
import type { Value } from './values.ts'

const DIVISIONS: ReadonlySet<string> = new Set(['Div', 'RealDiv'])
const KEPT = 'isKept'

/** A constant that stands for what a model keeps: TensorFlow does not know its value ahead. */
export const keptConstant = (node: NodeDef): NodeDef => ({
  ...node,
  attrs: { ...node.attrs, [KEPT]: attr.bool(true) },
})

/** Makes products of divisions, of nodes that come inputs first. */
export class Divisions {
  readonly #constants: Map<string, Value>
  /** The nodes that are constant only because variables are. */
  readonly #kept = new Set<string>()

  constructor(constants: Map<string, Value>) {
    this.#constants = constants
  }

  /** Takes note of a node that has been worked out. */
  noteConstant({ node, inputs }: Placed): void {
    const isKept = node.attrs[KEPT] !== undefined || inputs.some((key) => this.#isKept(key))
    if (isKept) this.#kept.add(node.name)
  }

  /** A node that has not been worked out, as TensorFlow runs it. */
  turned(placed: Placed): Placed {
    const { node, inputs } = placed
    const [dividend = '', divisor = ''] = inputs
    const value = this.#constants.get(divisor)
    if (!DIVISIONS.has(node.op) || value === undefined || this.#isKept(divisor)) return placed
    const inverse = inverseOf(value)
    if (inverse === undefined) return placed
    const key = `${node.name} / reciprocal:0`
    this.#constants.set(key, inverse)
    const factors = [dividend, key]
    return { ...placed, node: { ...node, op: 'Mul', inputs: factors }, inputs: factors }
  }

  #isKept(key: string): boolean {
    return this.#kept.has(portOf(key).node)
  }
}

/** One divided by each; undefined where these are no floats. */
function inverseOf(value: Value): Value | undefined {
  if (value.dtype === 'DT_FLOAT') return { ...value, values: value.values.map((each) => 1 / each) }
  if (value.dtype === 'DT_DOUBLE') return { ...value, values: value.values.map((each) => 1 / each) }
  return undefined
}
