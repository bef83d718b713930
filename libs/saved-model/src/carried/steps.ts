// Writes the nodes that stand for one: each is named after it, and the last has its name.

import type { NumericTensor } from '@drover/serving-api'
import { attr, type AttrValue, type NodeDef } from '../graph.ts'
import { constant } from '../variables.ts'

type Float = 'DT_FLOAT' | 'DT_DOUBLE'

/** Named by nodes that are a step of another: TensorFlow has them in one piece, and makes nothing else of them. */
export const STEP = 'isStep'

/** What to make of a node whose result may be what a narrow type cannot hold. */
export type Finish = (wide: NodeDef) => readonly NodeDef[]

/** The nodes in place of one, on tensors of one type of floats. */
export class Steps {
  readonly nodes: NodeDef[] = []
  readonly #node: NodeDef
  readonly #type: Float
  readonly #finish: Finish

  constructor(node: NodeDef, type: Float, finish: Finish = (wide) => [wide]) {
    this.#node = node
    this.#type = type
    this.#finish = finish
  }

  get #T(): AttrValue {
    return attr.type(this.#type)
  }

  /** A constant; the tensor's name. */
  number(value: number): string {
    const dtype = this.#type
    const tensor: NumericTensor =
      dtype === 'DT_FLOAT'
        ? { dtype, shape: [], values: Float32Array.of(value) }
        : { dtype, shape: [], values: Float64Array.of(value) }
    return this.#constant(tensor)
  }

  /** A constant that names the last axis. */
  lastAxis(): string {
    return this.#constant({ dtype: 'DT_INT32', shape: [], values: Int32Array.of(-1) })
  }

  #constant(value: NumericTensor): string {
    const name = this.#nameOf('Const')
    this.nodes.push(constant(name, value))
    return `${name}:0`
  }

  /** What an operation makes of tensors; the name of that. */
  op(op: string, inputs: readonly string[], attrs: NodeDef['attrs'] = {}): string {
    const name = this.#nameOf(op)
    const own = { T: this.#T, [STEP]: attr.bool(true), ...attrs }
    this.nodes.push(...this.#finish({ name, op, inputs, attrs: own }))
    return `${name}:0`
  }

  /** Makes a tensor what the node is for. */
  end(tensor: string): readonly NodeDef[] {
    const { name, attrs } = this.#node
    const { _output_shapes: shapes } = attrs
    this.nodes.push({
      name,
      op: 'Identity',
      inputs: [tensor],
      attrs: { T: this.#T, ...(shapes !== undefined && { _output_shapes: shapes }) },
    })
    return this.nodes
  }

  /** Of the next node. */
  #nameOf(op: string): string {
    return `${this.#node.name} / ${op} ${this.nodes.length}`
  }
}
