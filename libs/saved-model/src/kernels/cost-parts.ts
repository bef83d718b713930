// The parts that the costs of kernels are made of, told from their operands before they run. All of it is about and for this side of
// caution; a size of zero counts as one, since loops over empty tensors take their time as well.

import type { NodeDef } from '../graph.ts'
import { boolOf, intOf } from '../node-attrs.ts'
import { asIntegers, type Value } from '../values.ts'

/** What a kernel costs with these operands, in nanoseconds. */
export type Cost = (inputs: readonly Value[]) => number

/** What any kernel costs. */
export const STEP_NS = 500
/** Multiply-adds of a dense layer that take a nanosecond. */
export const MULTIPLY_ADDS_PER_NS = 8
/** An element that is calculated, one by a plain operation, and one that is moved along with its neighbours. */
export const ELEMENT_NS = 20
const PLAIN_NS = 10
export const MOVED_NS = 2
/** How many times longer integers of 64 bits take, and what elements take besides that are repeated for others. */
const LONG_FACTOR = 3
const REPEATED_NS = 10
/** Elements that are moved together, however few. */
const BLOCK_NS = 60
/** A multiply-add of a product that no dense layer covers. */
const PRODUCT_NS = 4
/** A text, each character of it, and each character that is only read or written. */
const TEXT_NS = 300
const CHARACTER_NS = 30
const COPIED_NS = 2
/** How many times longer than moving an element it takes to look it up in a table. */
export const LOOKUP_FACTOR = 10
/** Where calculating an element takes longer. */
const SLOW_NS: Readonly<Record<string, number>> = {
  Erf: 500,
  Erfc: 500,
  Pow: 200,
  StringJoin: 300,
  Substr: 300,
}

/** One cost for several operations. */
export const each = <T>(value: T, ops: readonly string[]): Record<string, T> =>
  Object.fromEntries(ops.map((op) => [op, value]))

export const filled = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * Math.max(1, size), 1)

export const elementsOf = (inputs: readonly Value[]): number =>
  inputs.reduce((sum, { shape }) => sum + filled(shape), 0)

/** What it takes to decode or encode the texts among values, in nanoseconds. */
export function textNs(
  { values }: { values: ArrayLike<unknown> },
  characterNs = COPIED_NS,
): number {
  return Array.isArray(values)
    ? values.length * TEXT_NS + charactersOf({ values }) * characterNs
    : 0
}

function charactersOf({ values }: { values: ArrayLike<unknown> }): number {
  let characters = 0
  if (Array.isArray(values)) for (const text of values) characters += text.length
  return characters
}

export const textsNs = (inputs: readonly Value[]): number =>
  inputs.reduce((sum, input) => sum + textNs(input, CHARACTER_NS), 0)

/** How many elements there are once tensors are broadcast to each other. */
function broadcast(inputs: readonly Value[]): number {
  const rank = Math.max(0, ...inputs.map(({ shape }) => shape.length))
  let elements = 1
  for (let axis = 1; axis <= rank; axis++)
    elements *= Math.max(1, ...inputs.map(({ shape }) => shape.at(-axis) ?? 1))
  return elements
}

export const elementwise =
  (op: string): Cost =>
  (inputs) => {
    const elements = broadcast(inputs)
    const operands = Math.max(1, inputs.length - 1)
    const isRepeated = inputs.some(({ shape }) => shape.length > 0 && filled(shape) < elements)
    const perElement = elementNs(op) * (inputs.some(isLong) ? LONG_FACTOR : 1)
    return (
      elements * operands * (perElement + (isRepeated ? REPEATED_NS : 0)) +
      elementTextsNs(op, inputs, elements)
    )
  }

const COMPARISONS: ReadonlySet<string> = new Set(['Equal', 'NotEqual'])
const PLAIN: ReadonlySet<string> = new Set(
  [
    'Abs Add AddN AddV2 BiasAdd Cast Equal Greater GreaterEqual IsFinite IsInf IsNan Less LessEqual',
    'LogicalAnd LogicalNot LogicalOr Mul Neg NotEqual OnesLike RealDiv Relu Square Sub ZerosLike',
  ].flatMap((ops) => ops.split(' ')),
)

function elementNs(op: string): number {
  const slow = Object.hasOwn(SLOW_NS, op) ? SLOW_NS[op] : undefined
  return slow ?? (PLAIN.has(op) ? PLAIN_NS : ELEMENT_NS)
}

const isLong = ({ dtype }: Value): boolean => dtype === 'DT_INT64'

/** A comparison looks at what may be equal; other operations write a text as often as it is repeated. */
function elementTextsNs(op: string, inputs: readonly Value[], elements: number): number {
  return COMPARISONS.has(op)
    ? inputs.reduce((sum, input) => sum + charactersOf(input) * COPIED_NS, 0)
    : inputs.reduce(
        (sum, input) =>
          sum + (textNs(input, CHARACTER_NS) * elements) / Math.max(1, input.values.length),
        0,
      )
}

export const free: Cost = () => 0
export const all: Cost = (inputs) => elementsOf(inputs) * ELEMENT_NS + textsNs(inputs)

export const reduced: Cost = (inputs) => elementsOf(inputs) * PLAIN_NS

/** Operations whose output is as large as the numbers in one of their operands say. */
export const sized =
  (sizeIn: (inputs: readonly Value[]) => number, perElement = ELEMENT_NS): Cost =>
  (inputs) =>
    sizeIn(inputs) * perElement + all(inputs)

export const integersAt = (inputs: readonly Value[], at: number): number[] => {
  const input = inputs[at]
  return input?.dtype === 'DT_INT32' || input?.dtype === 'DT_INT64' ? asIntegers(input) : []
}

export const shapeAt = (inputs: readonly Value[], at: number): readonly number[] =>
  inputs[at]?.shape ?? []

export function rangeLength(inputs: readonly Value[]): number {
  const [from = 0, to = 0, step = 1] = [0, 1, 2].map((at) => integersAt(inputs, at)[0])
  return step === 0 ? 0 : Math.max(0, (to - from) / step)
}

export function segmentsLength(inputs: readonly Value[]): number {
  const [count = 0] = integersAt(inputs, 2)
  return Math.max(0, count) * filled(shapeAt(inputs, 0).slice(shapeAt(inputs, 1).length))
}

export const product =
  (node: NodeDef): Cost =>
  (inputs) => {
    const [left, right] = [shapeAt(inputs, 0), shapeAt(inputs, 1)]
    const isTurned = ['transpose_b', 'adj_y'].some((name) => boolOf(node, name, false))
    const columns = Math.max(1, right.at(isTurned ? -2 : -1) ?? 1)
    // Each matrix of the one side meets each of the other at most.
    const matrices = filled(right.slice(0, -2))
    return (filled(left) * matrices * columns + elementsOf(inputs)) * PRODUCT_NS
  }

/** Each index takes as many neighbours as there are after the axis, from as many places as before it. */
export const gathered: Cost = (inputs) => {
  const [table, indices] = [shapeAt(inputs, 0), filled(shapeAt(inputs, 1))]
  const [axis = 0] = integersAt(inputs, 2)
  const at = axis < 0 ? axis + table.length : axis
  const blocks = filled(table.slice(0, at)) * indices
  const perElement = inputs[0]?.dtype === 'DT_STRING' ? TEXT_NS : MOVED_NS
  return blocks * (BLOCK_NS + filled(table.slice(at + 1)) * perElement)
}

/** Each row of positions takes what is behind them. */
export const gatheredNd: Cost = (inputs) => {
  const [table, indices] = [shapeAt(inputs, 0), shapeAt(inputs, 1)]
  const rows = filled(indices.slice(0, -1))
  const perElement = inputs[0]?.dtype === 'DT_STRING' ? TEXT_NS : MOVED_NS
  const width = filled(table.slice(indices.at(-1) ?? 0))
  return all(inputs.slice(1)) + rows * (BLOCK_NS + width * perElement)
}

/** Rows are put in order, of which some is thrown away. */
export const ordered: Cost = (inputs) =>
  all(inputs) * (2 + Math.log2(1 + filled(shapeAt(inputs, 0).slice(-1))))

export const joined = (axisOf: (inputs: readonly Value[]) => number): Cost =>
  function cost(inputs) {
    const shape = shapeAt(inputs, 0)
    const axis = axisOf(inputs)
    const rows = filled(shape.slice(0, axis < 0 ? axis + shape.length : axis))
    return rows * inputs.length * BLOCK_NS + elementsOf(inputs) * MOVED_NS
  }

export const looked: Cost = (inputs) =>
  filled(shapeAt(inputs, 1)) * ELEMENT_NS * (2 + Math.log2(1 + filled(shapeAt(inputs, 0))))

/** Of each output besides. */
export const divided =
  (node: NodeDef, attribute: string): Cost =>
  (inputs) =>
    all(inputs) + Math.max(0, intOf(node, attribute, 1)) * STEP_NS

/** Rows made as long as the longest: at most as many as there are values. */
export function padded(inputs: readonly Value[]): number {
  const [count = 1, ...inner] = shapeAt(inputs, 1)
  const wanted = integersAt(inputs, 0)
  const [first] = integersAt(inputs, 3)
  const given = filled(shapeAt(inputs, 3))
  const known = given > 1 ? given : Math.max(given, first ?? 1)
  const [rows, columns] = [wanted[0] ?? -1, wanted[1] ?? -1]
  return filled([rows < 0 ? known : rows, columns < 0 ? count : columns, ...inner])
}
