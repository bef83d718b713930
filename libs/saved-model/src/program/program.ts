// What runs a signature in TypeScript, as plain data: it may be kept as bytes and sent to another thread.

import type { SignatureDef } from '@drover/serving-api'
import type { AttrValue, NodeDef } from '../graph.ts'
import { type CarriedType, isCarriedType } from '../carried/index.ts'
import { canonical } from '../flatten.ts'
import type { Placed } from '../partition.ts'
import { portTypes } from '../types.ts'
import { isSameShape, type Value } from '../values.ts'

/** One operation of the graph: what a kernel needs of its node, and the slots it reads and fills. */
export interface NodeStep {
  kind: 'node'
  /** For people. */
  name: string
  op: string
  attrs: Readonly<Record<string, AttrValue>>
  inputs: readonly number[]
  outputs: readonly number[]
  /** It runs only where this slot holds this number. */
  when?: { slot: number; branch: number }
}

/** `activation(input * weights + bias)`, in floats. Weights and bias are numbers of constants. */
export interface DenseLayer {
  weights: number
  /** Whether the weights are [outputs, inputs]. */
  isTransposed: boolean
  inputs: number
  outputs: number
  bias: number | undefined
  /** TensorFlow's name of it; `alpha` is LeakyRelu's. */
  activation: { op: string; alpha: number } | undefined
}

/** Dense layers one after the other, in place of the nodes that they were. */
export interface DenseStep {
  kind: 'dense'
  /** Of the first node, which is the first to refuse what does not fit; for people. */
  name: string
  op: string
  layers: readonly DenseLayer[]
  inputs: readonly [number]
  outputs: readonly [number]
}

export type Step = NodeStep | DenseStep

/**
 * How a request may be run in parts, whose answers one after the other are the answer to all, and what
 * a part takes: all of it known before any request comes.
 */
export interface Division {
  /** Of what: rows, elements of tensors of one shape, or nothing, where the signature gives all shapes. */
  by: 'rows' | 'elements' | 'nothing'
  /** The inputs that are divided, and what shape each part of them has. */
  sliced: readonly { alias: string; inner: readonly number[] }[]
  /** The inputs that go to every part, and their shape. */
  whole: readonly { alias: string; shape: readonly number[] }[]
  /** The bytes of a part of each output, of texts without their characters; others are the same in every part. */
  widths: Readonly<Record<string, number>>
  /** What a part costs besides the characters of texts, about, in nanoseconds. */
  partNs: number
  /** Whether there are texts, whose lengths nobody knows ahead, and what is done with them. */
  texts: 'none' | 'moved' | 'read'
}

/** A signature's steps in order, over numbered slots. */
export interface Program {
  slots: number
  inputs: readonly { alias: string; slot: number }[]
  /** Which slots are filled ahead, with which of the model's constants. */
  constants: readonly { slot: number; constant: number }[]
  steps: readonly Step[]
  /** Those of a type that another one carries say so. */
  outputs: readonly { alias: string; slot: number; carries?: CarriedType }[]
}

/** A program of kernels alone, of which is known what its requests cost. */
export interface KernelProgram extends Program {
  division: Division
}

/** The constants of a model, each once however many signatures use it, and under whatever names. */
export class Constants {
  readonly #numbers = new Map<string, number>()
  /** By the arrays that they are in. */
  readonly #places = new Map<Value['values'], number>()
  readonly values: Value[] = []

  /** The number of a constant; the key is its name in the graph. */
  numberOf(key: string, value: Value): number {
    const known = this.#numbers.get(key) ?? this.#sameAs(value)
    const number = known ?? this.values.push(value) - 1
    this.#numbers.set(key, number)
    if (known === undefined) this.#places.set(value.values, number)
    return number
  }

  #sameAs({ dtype, shape, values }: Value): number | undefined {
    const place = this.#places.get(values)
    const other = place === undefined ? undefined : this.values[place]
    return other?.dtype === dtype && isSameShape(other.shape, shape) ? place : undefined
  }
}

/** Numbers the tensors of a signature. */
export class ProgramBuilder {
  readonly #slots = new Map<string, number>()
  readonly #filled = new Map<number, number>()
  readonly #steps: Step[] = []
  readonly #known: ReadonlyMap<string, Value>
  readonly #constants: Constants

  constructor(known: ReadonlyMap<string, Value>, constants: Constants) {
    this.#known = known
    this.#constants = constants
  }

  /** The slot of a tensor, by its canonical name. */
  slotOf(key: string): number {
    const slot = this.#slots.get(key)
    if (slot !== undefined) return slot
    const next = this.#slots.size
    this.#slots.set(key, next)
    const value = this.#known.get(key)
    if (value !== undefined) this.#filled.set(next, this.#constants.numberOf(key, value))
    return next
  }

  /** The number of what must be a constant. */
  constantOf(key: string): number | undefined {
    const value = this.#known.get(key)
    return value && this.#constants.numberOf(key, value)
  }

  addNode({ node, inputs, scope }: Placed): void {
    this.#steps.push({
      kind: 'node',
      name: node.name,
      op: node.op,
      attrs: essential(node),
      inputs: inputs.map((key) => this.slotOf(key)),
      outputs: portTypes(node).map((_, port) => this.slotOf(`${node.name}:${port}`)),
      ...(scope && { when: { slot: this.slotOf(scope.choice), branch: scope.branch } }),
    })
  }

  addDense(
    first: NodeDef,
    { layers, input, output }: { layers: readonly DenseLayer[]; input: string; output: string },
  ): void {
    this.#steps.push({
      kind: 'dense',
      name: first.name,
      op: first.op,
      layers,
      inputs: [this.slotOf(input)],
      outputs: [this.slotOf(output)],
    })
  }

  /** Of a signature on carriers; `declared` is what it carries. */
  build(signature: SignatureDef, declared: SignatureDef): Program {
    const slotsOf = (infos: SignatureDef['inputs']) =>
      Object.entries(infos).map(([alias, { name }]) => ({
        alias,
        slot: this.slotOf(canonical(name)),
      }))
    const inputs = slotsOf(signature.inputs)
    const outputs = slotsOf(signature.outputs).map((output) => {
      const { dtype = 'DT_INVALID' } = declared.outputs[output.alias] ?? {}
      return isCarriedType(dtype) ? { ...output, carries: dtype } : output
    })
    return {
      slots: this.#slots.size,
      inputs,
      constants: Array.from(this.#filled, ([slot, constant]) => ({ slot, constant })),
      steps: this.#steps,
      outputs,
    }
  }
}

/** The attributes that a kernel may read: not those for TensorFlow's own planning. */
function essential({ attrs }: NodeDef): Record<string, AttrValue> {
  return Object.fromEntries(
    Object.entries(attrs).filter(
      ([name, { kind }]) =>
        !name.startsWith('_') && kind !== 'other' && kind !== 'tensor' && kind !== 'shape',
    ),
  )
}
