// Who takes a tensor, as TensorFlow counts it before it runs a graph: nodes that do nothing have gone by then,
// and of nodes that do the same there is one.

import { type AttrValue, portOf } from './graph.ts'
import type { Placed } from './partition.ts'
import { scopeKey } from './scopes.ts'
import type { Value } from './values.ts'

/** They pass on what they get. */
const PASSING: ReadonlySet<string> = new Set(['Identity', 'StopGradient'])
/** The order of their inputs is all the same. */
const COMMUTATIVE: ReadonlySet<string> = new Set(['Add', 'AddV2', 'Mul', 'Maximum', 'Minimum'])
/** Constants with more elements are the same only where they have one name. */
const COMPARED_MAX = 64

/** Counts who takes the tensors of nodes that are not constant, of which some are answers. */
export class Takers {
  readonly #valueOf: (key: string) => Value | undefined
  /** What passing nodes get, by what they give. */
  readonly #sources = new Map<string, string>()
  /** Nodes by what they do: the first that does it stands for the others. */
  readonly #first = new Map<string, string>()
  readonly #sameAs = new Map<string, string>()
  readonly #takers = new Map<string, Set<string>>()

  /** The nodes come inputs first; `valueOf` gives those of constants that may stand for each other. */
  constructor(
    live: readonly Placed[],
    valueOf: (key: string) => Value | undefined,
    answers: ReadonlySet<string>,
  ) {
    this.#valueOf = valueOf
    for (const each of live) this.#add(each, answers)
    for (const key of answers) this.#take(this.#same(key), 'answer')
  }

  /** How often nodes take a tensor, or what is the same; an answer is one more. */
  count(key: string): number {
    return this.#takers.get(this.#same(key))?.size ?? 0
  }

  /** Where a tensor comes from, past nodes that do nothing. */
  sourceOf(key: string): string {
    return this.#sources.get(key) ?? key
  }

  #add({ node, inputs, scope }: Placed, answers: ReadonlySet<string>): void {
    const [first = ''] = inputs
    const key = `${node.name}:0`
    if (PASSING.has(node.op) && !answers.has(key)) {
      this.#sources.set(key, this.sourceOf(first))
      return
    }
    const same = inputs.map((input) => this.#same(input))
    const operands = COMMUTATIVE.has(node.op) ? same.toSorted() : same
    const does = JSON.stringify([node.op, scopeKey(scope), operands, textOf(node.attrs)])
    const name = this.#first.get(does) ?? node.name
    this.#first.set(does, name)
    this.#sameAs.set(node.name, name)
    // A node that takes a tensor twice counts twice.
    for (const [at, operand] of operands.entries()) this.#take(operand, `${name} ${at}`)
  }

  #take(same: string, taker: string): void {
    const takers = this.#takers.get(same) ?? new Set()
    this.#takers.set(same, takers.add(taker))
  }

  #same(key: string): string {
    const source = this.sourceOf(key)
    const value = this.#valueOf(source)
    if (value !== undefined && value.values.length <= COMPARED_MAX)
      return `${value.dtype} ${value.shape.join(' ')} = ${Array.from(value.values, numeral).join(' ')}`
    const { node, port } = portOf(source)
    return `${this.#sameAs.get(node) ?? node}:${port}`
  }
}

const numeral = (value: unknown): string => (Object.is(value, -0) ? '-0' : String(value))

const textOf = (attrs: Readonly<Record<string, AttrValue>>): string =>
  JSON.stringify(
    Object.entries(attrs).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    (_, value: unknown) => {
      if (typeof value === 'bigint') return `${value}n`
      return value instanceof Uint8Array ? Array.from(value) : value
    },
  )
