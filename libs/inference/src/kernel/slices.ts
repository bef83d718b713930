// A request a few rows, or elements, at a time.

import { type Division, type Plan, PART_NS_MAX, type Slots } from '@drover/saved-model'
import { bytesOf, bytesOfType, sizeOf, type Tensor, tensorOfBytes } from '@drover/serving-api'
import { InferenceError } from '../errors.ts'
import type { Tensors } from '../servable.ts'
import { Answer, type Asked } from './answer.ts'
import type { Pieces } from './stretches.ts'

/** What a slice should take, about. */
const SLICE_NS = PART_NS_MAX / 4
/** What a byte of text takes in all steps together, about. */
const TEXT_BYTE_NS = { none: 0, moved: 2, read: 500 }
/** What is spent on the texts of one slice, of which the longest cannot be divided: seconds of work. */
const TEXTS_NS_MAX = 2e9

/** Into how many parts a request is divided; undefined where its shapes are not those that the signature tells of. */
export function partsOf(
  { by, sliced, whole }: Division,
  inputs: Readonly<Tensors>,
): number | undefined {
  for (const { alias, shape } of whole) if (!isShape(inputs[alias], shape)) return undefined
  if (by === 'nothing') return 1
  return by === 'rows' ? rowsOf(sliced, inputs) : elementsOf(sliced, inputs)
}

function rowsOf(sliced: Division['sliced'], inputs: Readonly<Tensors>): number | undefined {
  let rows: number | undefined
  for (const { alias, inner } of sliced) {
    const shape = inputs[alias]?.shape
    if (shape === undefined || shape.length !== inner.length + 1) return undefined
    for (let axis = 0; axis < inner.length; axis++)
      if (inner[axis] !== shape[axis + 1]) return undefined
    if (rows !== undefined && shape[0] !== rows) return undefined
    rows = shape[0]
  }
  return rows
}

function elementsOf(sliced: Division['sliced'], inputs: Readonly<Tensors>): number | undefined {
  const shape = shapeOf(sliced, inputs)
  for (const { alias } of sliced) if (!isShape(inputs[alias], shape)) return undefined
  return sizeOf(shape)
}

/** What all inputs look like that are divided into elements. */
const shapeOf = ([first]: Division['sliced'], inputs: Readonly<Tensors>): readonly number[] =>
  inputs[first?.alias ?? '']?.shape ?? []

const isShape = (tensor: Tensor | undefined, wanted: readonly number[]): boolean =>
  tensor !== undefined &&
  tensor.shape.length === wanted.length &&
  wanted.every((size, axis) => size === tensor.shape[axis])

/** The slices of one request. Throws INVALID_INPUT and UNAVAILABLE for an answer that is too large. */
export class Slices implements Pieces<Tensors> {
  readonly #plan: Plan
  readonly #division: Division
  readonly #inputs: Readonly<Tensors>
  readonly #asked: Asked
  readonly #answer: Answer
  #from = 0
  /** The slice whose texts are being worked on. */
  #open: { slots: Slots; to: number; step: number; ns: number } | undefined

  constructor(
    { plan, division }: { plan: Plan; division: Division },
    inputs: Readonly<Tensors>,
    { parts, outputs }: Pick<Asked, 'parts' | 'outputs'>,
  ) {
    this.#plan = plan
    this.#division = division
    this.#inputs = inputs
    const shape = division.by === 'elements' ? shapeOf(division.sliced, inputs) : undefined
    this.#asked = { parts, outputs, shape }
    this.#answer = new Answer(division, this.#asked)
  }

  get isDone(): boolean {
    return this.#from === this.#asked.parts
  }

  /** The next slice; of one with texts so many steps as take no longer. */
  work(): void {
    const open = this.#open ?? this.#next()
    if (this.#division.texts === 'read') {
      this.#open = open
      if (!this.#goOn(open)) return
      this.#open = undefined
    } else this.#plan.run(open.slots)
    this.#answer.add(this.#plan.finish(open.slots, this.#asked.outputs), this.#from)
    this.#from = open.to
  }

  finish(): Tensors {
    return this.#answer.tensors
  }

  close(): void {
    this.#answer.close()
  }

  #next() {
    const { parts } = this.#asked
    const to = this.#end()
    const isAll = to - this.#from === parts && this.#division.by !== 'elements'
    const inputs = isAll ? this.#inputs : this.#slice(to)
    return { slots: this.#plan.start(inputs), to, step: 0, ns: 0 }
  }

  /** Where the next slice ends: one part at least. */
  #end(): number {
    const { partNs, sliced, texts } = this.#division
    const count = Math.max(1, Math.floor(SLICE_NS / partNs))
    const last = Math.min(this.#asked.parts, this.#from + count)
    if (texts === 'none') return last
    let ns = 0
    for (let part = this.#from; part < last; part++) {
      ns += partNs
      for (const { alias, inner } of sliced)
        ns += TEXT_BYTE_NS[texts] * textBytes(this.#inputs[alias], part, sizeOf(inner))
      if (ns > SLICE_NS) return Math.max(part, this.#from + 1)
    }
    return last
  }

  #slice(to: number): Tensors {
    const slice: Tensors = { ...this.#inputs }
    for (const { alias, inner } of this.#division.sliced) {
      const tensor = this.#inputs[alias]
      if (tensor !== undefined) slice[alias] = partsIn(tensor, inner, { from: this.#from, to })
    }
    return slice
  }

  /** Whether the slice has been run. */
  #goOn(open: { slots: Slots; step: number; ns: number }): boolean {
    const until = open.ns + SLICE_NS
    while (open.step < this.#plan.length && open.ns < until)
      open.ns += this.#plan.runWithin(open.slots, open.step++, TEXTS_NS_MAX - open.ns)
    if (open.step < this.#plan.length) return false
    if (open.ns + this.#plan.textNs(open.slots) > TEXTS_NS_MAX)
      throw new InferenceError('INVALID_INPUT', 'the texts of the answer are too long')
    return true
  }
}

/** How many bytes the texts of a part have, of so many elements. */
function textBytes(tensor: Tensor | undefined, part: number, elements: number): number {
  if (tensor?.dtype !== 'DT_STRING') return 0
  let bytes = 0
  for (let at = part * elements; at < (part + 1) * elements; at++)
    bytes += tensor.values[at]?.length ?? 0
  return bytes
}

function partsIn(
  tensor: Tensor,
  inner: readonly number[],
  { from, to }: { from: number; to: number },
): Tensor {
  const shape = [to - from, ...inner]
  const width = sizeOf(inner)
  if (tensor.dtype === 'DT_STRING')
    return { dtype: 'DT_STRING', shape, values: tensor.values.slice(from * width, to * width) }
  const bytes = width * bytesOfType(tensor.dtype)
  return tensorOfBytes(tensor.dtype, shape, bytesOf(tensor).subarray(from * bytes, to * bytes))
}
