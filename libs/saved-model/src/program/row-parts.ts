// A single step a few rows at a time: for programs that mix rows in some other step, and so cannot be
// run a few rows at a time as a whole.

import { sizeOf, type Tensor } from '@drover/serving-api'
import { SavedModelError } from '../errors.ts'
import { boolOf } from '../node-attrs.ts'
import { isProduct } from '../partition.ts'
import { copyInto, type Value, zeros } from '../values.ts'
import { nodeOf } from './kinds.ts'
import type { Step } from './program.ts'
import { isElementwise } from './row-rules.ts'

/** How many times longer a kernel in TypeScript takes for an element than a dense layer for a multiply-add. */
export const PLAIN_COST = 8
/** Operations that take each row of matrices and larger tensors by itself. */
const ALONG_ROWS: ReadonlySet<string> = new Set(['LogSoftmax', 'Softmax'])

/**
 * What a step does with rows: dense layers cost so much for each; a `product` is by a matrix that meets
 * each row; `each` is element by element; `rows` takes each row by itself; `whole` is not known.
 */
export type Work = number | 'product' | 'each' | 'rows' | 'whole'

/** What a step does with rows, as its operation has it. */
export function workOf(step: Step): Work {
  if (step.kind === 'dense')
    return step.layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0)
  if (isProduct(step.op)) {
    const isTurned = ['transpose_a', 'adj_x'].some((name) => boolOf(nodeOf(step), name, false))
    return isTurned ? 'whole' : 'product'
  }
  if (ALONG_ROWS.has(step.op)) return 'rows'
  return isElementwise(step.op) ? 'each' : 'whole'
}

/** How many elements there are; of texts, characters. */
export function weightOf({ values }: { values: Value['values'] | Tensor['values'] }): number {
  let weight = values.length
  if (Array.isArray(values)) for (const text of values) weight += text.length
  return weight
}

/** What a step costs with these inputs, about, in multiply-adds of a dense layer. */
export function costOf(work: Work, inputs: readonly Value[]): number {
  const [left, right] = inputs
  if (typeof work === 'number') return work * (left?.shape[0] ?? 1)
  let weight = 0
  if (work === 'product' && left !== undefined)
    weight = left.values.length * (right?.shape.at(-1) ?? 1)
  for (const input of inputs) weight += weightOf(input)
  return weight * PLAIN_COST
}

/** How many rows a step has with these inputs; undefined when it must be run as a whole. */
export function rowsOf(work: Work, inputs: readonly Value[]): number | undefined {
  const [left, right] = inputs
  if (work === 'whole' || left === undefined) return undefined
  if (work === 'each') return commonRows(inputs)
  const isByMatrix = work !== 'product' || right?.shape.length === 2
  return isByMatrix && left.shape.length > 1 ? severalRows(left.shape[0]) : undefined
}

const severalRows = (rows: number | undefined): number | undefined =>
  rows !== undefined && rows > 1 ? rows : undefined

/** The rows of tensors that are broadcast to each other: of those with the most dimensions. */
function commonRows(inputs: readonly Value[]): number | undefined {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length))
  const sizes = inputs.flatMap(({ shape }) => (shape.length === rank ? shape.slice(0, 1) : []))
  const rows = Math.max(...sizes)
  return sizes.every((size) => size === rows || size === 1) ? severalRows(rows) : undefined
}

interface Around {
  work: Work
  given: readonly Value[]
  run: (inputs: readonly Value[]) => Value[]
  /** Takes the output once it is whole. */
  done: (value: Value | undefined) => void
}

/** A step that is being run a few rows at a time. */
export class RowParts {
  readonly rows: number
  readonly #around: Around
  readonly #rank: number
  #from = 0
  #output: Value | undefined

  constructor(rows: number, around: Around) {
    this.rows = rows
    this.#around = around
    this.#rank = Math.max(...around.given.map(({ shape }) => shape.length))
  }

  /** How many rows are still to be run. */
  get left(): number {
    return this.rows - this.#from
  }

  /** Runs the next rows, so many at most. Throws INVALID_INPUT as the whole step does. */
  run(count: number): void {
    const { given, run, done } = this.#around
    const from = this.#from
    const to = Math.min(this.rows, from + count)
    const [part] = this.#tried(() =>
      run(
        given.map((value, input) =>
          this.#hasRows(value, input) ? rowsIn(value, from, to) : value,
        ),
      ),
    )
    if (part === undefined) return
    const [, ...inner] = part.shape
    this.#output ??= zeros(part.dtype, [this.rows, ...inner])
    const width = sizeOf(inner)
    copyInto({ value: this.#output, at: from * width }, { value: part, at: 0 }, part.values.length)
    this.#from = to
    if (to === this.rows) done(this.#output)
  }

  /** A part that is refused would name its own sizes: the whole is refused in its place. */
  #tried(run: () => Value[]): Value[] {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof SavedModelError)) throw error
      this.#around.run(this.#around.given)
      throw error
    }
  }

  /** Other tensors meet all rows. */
  #hasRows({ shape }: Value, input: number): boolean {
    if (this.#around.work !== 'each') return input === 0
    return shape.length === this.#rank && shape[0] === this.rows
  }
}

function rowsIn(value: Value, from: number, to: number): Value {
  const [, ...inner] = value.shape
  const shape = [to - from, ...inner]
  const [at, end] = [from * sizeOf(inner), to * sizeOf(inner)]
  switch (value.dtype) {
    case 'DT_STRING':
      return { ...value, shape, values: value.values.slice(at, end) }
    case 'DT_INT64':
      return { ...value, shape, values: value.values.subarray(at, end) }
    case 'DT_FLOAT':
      return { ...value, shape, values: value.values.subarray(at, end) }
    case 'DT_DOUBLE':
      return { ...value, shape, values: value.values.subarray(at, end) }
    case 'DT_INT32':
      return { ...value, shape, values: value.values.subarray(at, end) }
    case 'DT_BOOL':
      return { ...value, shape, values: value.values.subarray(at, end) }
  }
}
