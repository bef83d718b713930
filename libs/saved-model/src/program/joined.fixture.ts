// Graphs whose steps are joined, and what they may be given.

import type { SignatureDef } from '@drover/serving-api'
import fc from 'fast-check'
import { attr, type NodeDef } from '../graph.ts'
import { noteNonZero } from '../kernels/sparse.ts'
import { integers, type Value } from '../values.ts'
import { Constants, type Program, ProgramBuilder } from './program.ts'

export const [INT32, INT64, FLOAT] = [
  attr.type('DT_INT32'),
  attr.type('DT_INT64'),
  attr.type('DT_FLOAT'),
]

export type Attrs = NodeDef['attrs']
type Node = readonly [name: string, op: string, inputs: readonly string[], attrs: Attrs]

export const long = (shape: readonly number[], values: readonly number[]): Value =>
  integers('DT_INT64', shape, values)
const int = (shape: readonly number[], values: readonly number[]): Value =>
  integers('DT_INT32', shape, values)
export const float = (shape: readonly number[], values: readonly number[]): Value => ({
  dtype: 'DT_FLOAT',
  shape,
  values: Float32Array.from(values),
})

/** The constants that the graphs below name. */
const CONSTANTS = new Map<string, Value>([
  ['none', long([1], [0])],
  ['zero', int([], [0])],
  ['zeroLong', long([], [0])],
  ['oneLong', long([], [1])],
  ['last', int([1], [-1])],
  ['least', float([], [1e-12])],
])

export interface Graph {
  nodes: readonly Node[]
  /** Slots of the inputs by name; the answer is that of the last node, and of these. */
  inputs: readonly string[]
  also?: readonly string[]
}

const infos = (names: readonly string[]): SignatureDef['inputs'] =>
  Object.fromEntries(
    names.map((name) => [name, { name: `${name}:0`, dtype: 'DT_FLOAT', shape: undefined }]),
  )

export function programOf({ nodes, inputs, also = [] }: Graph): {
  program: Program
  constants: Constants
} {
  const constants = new Constants()
  const known = new Map(Array.from(CONSTANTS, ([name, value]) => [`${name}:0`, value]))
  const builder = new ProgramBuilder(known, constants)
  for (const [name, op, from, attrs] of nodes)
    builder.addNode({
      node: { name, op, inputs: [], attrs },
      inputs: from.map((key) => `${key}:0`),
    })
  const outputs = infos([...also, nodes.at(-1)?.[0] ?? ''])
  const signature = { methodName: '', inputs: infos(inputs), outputs }
  return { program: builder.build(signature, signature), constants }
}

export const T = { T: INT64 }
export const SPLITS: Graph = {
  inputs: ['rows', 'count'],
  nodes: [
    ['each', 'OnesLike', ['rows'], T],
    ['sums', 'UnsortedSegmentSum', ['each', 'rows', 'count'], T],
    ['ends', 'Cumsum', ['sums', 'zero'], T],
    ['splits', 'ConcatV2', ['none', 'ends', 'zero'], T],
  ],
}
export const ROWS: Graph = {
  inputs: ['splits', 'values'],
  nodes: [
    ['size', 'Size', ['values'], { T: FLOAT, out_type: INT64 }],
    ['numbers', 'Range', ['zeroLong', 'size', 'oneLong'], { Tidx: INT64 }],
    ['splitsAsRow', 'ExpandDims', ['splits', 'zero'], T],
    ['numbersAsRow', 'ExpandDims', ['numbers', 'zero'], T],
    ['aboveAsRow', 'UpperBound', ['splitsAsRow', 'numbersAsRow'], { ...T, out_type: INT64 }],
    ['above', 'Squeeze', ['aboveAsRow'], { ...T, squeeze_dims: attr.ints([0]) }],
    ['rows', 'Sub', ['above', 'oneLong'], T],
  ],
}
export const COUNTS: Graph = {
  inputs: ['rows', 'columns', 'shape'],
  nodes: [
    ['cells', 'Pack', ['rows', 'columns'], { ...T, axis: attr.int(1) }],
    ['ones', 'OnesLike', ['columns'], T],
    ['once', 'Cast', ['ones'], { SrcT: INT64, DstT: FLOAT }],
    ['counts', 'ScatterNd', ['cells', 'once', 'shape'], { T: FLOAT }],
  ],
}
export const UNIT: Graph = {
  inputs: ['x'],
  nodes: [
    ['squares', 'Square', ['x'], { T: FLOAT }],
    ['sum', 'Sum', ['squares', 'last'], { T: FLOAT, keep_dims: attr.bool(true) }],
    ['positive', 'Maximum', ['sum', 'least'], { T: FLOAT }],
    ['scale', 'Rsqrt', ['positive'], { T: FLOAT }],
    ['unit', 'Mul', ['x', 'scale'], { T: FLOAT }],
  ],
}

export const GRAPHS = { SPLITS, ROWS, COUNTS, UNIT }

/** Small numbers, now and then one below zero or too large. */
const index = fc.oneof(
  { weight: 20, arbitrary: fc.nat({ max: 4 }) },
  fc.constantFrom(-1, 5, 2 ** 31, 2 ** 40 + 1),
)
const indices = fc.array(index, { maxLength: 12 })
export const vector = (values: readonly number[]): Value => long([values.length], values)
const number = fc.oneof(fc.float(), fc.constantFrom(0, -0, 1e-20, 1e20, Infinity))

/** Rows of which is noted where they are not zero. */
export function fewOf(
  shape: readonly [number, number],
  few: readonly (readonly [number, number])[],
): Value {
  const values = new Float32Array(shape[0] * shape[1])
  for (const [place, value] of few) values[place] = value
  noteNonZero(
    values,
    few.map(([place]) => place),
  )
  return { dtype: 'DT_FLOAT', shape, values }
}

/** What each graph may be given: mostly what it is meant for, and also what it is to refuse. */
export const GIVEN: Record<keyof typeof GRAPHS, fc.Arbitrary<Record<string, Value>>> = {
  SPLITS: fc
    .record({ rows: indices, count: fc.integer({ min: -1, max: 7 }) })
    .map(({ rows, count }) => ({ rows: vector(rows), count: long([], [count]) })),
  ROWS: fc
    .record({ lengths: fc.array(fc.integer({ min: -1, max: 4 })), count: fc.nat({ max: 12 }) })
    .map(({ lengths, count }) => {
      const splits = [0]
      for (const length of lengths) splits.push((splits.at(-1) ?? 0) + length)
      return {
        splits: vector(splits),
        values: float(
          [count],
          Array.from({ length: count }, () => 1),
        ),
      }
    }),
  COUNTS: fc
    .record({ cells: fc.array(fc.tuple(index, index)), width: fc.constantFrom(5, 60, 0, -1) })
    .map(({ cells, width }) => ({
      rows: vector(cells.map(([row]) => row)),
      columns: vector(cells.map(([, column]) => column)),
      shape: long([2], [5, width]),
    })),
  UNIT: fc.oneof(
    fc
      .record({ rows: fc.nat({ max: 3 }), width: fc.nat({ max: 5 }), is3d: fc.boolean() })
      .chain(({ rows, width, is3d }) =>
        fc
          .array(number, { minLength: rows * width, maxLength: rows * width })
          .map((values) => ({ x: float([...(is3d ? [1] : []), rows, width], values) })),
      ),
    fc
      .array(fc.tuple(fc.nat({ max: 79 }), number), { maxLength: 10 })
      .map((few) => ({ x: fewOf([2, 40], few) })),
  ),
}
