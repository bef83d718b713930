import { integers, toTensor, type Value } from '../values.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attr } from '../graph.ts'
import { refusalOf } from '../refusal.fixture.ts'
import { countsOfCells, unitRows } from '../kernels/matrix-joints.ts'
import { rowsOfSplits, splitsOfRows } from '../kernels/row-joints.ts'
import { joinedSteps } from './joined.ts'
import {
  type Attrs,
  COUNTS,
  FLOAT,
  float,
  GIVEN,
  type Graph,
  GRAPHS,
  INT32,
  INT64,
  long,
  programOf,
  ROWS,
  SPLITS,
  T,
  UNIT,
  vector,
} from './joined.fixture.ts'
import { Plan } from './plan.ts'

/** What a graph answers, or which error it gives: all at once, and step by step. */
function answersOf(
  graph: Graph,
  given: Readonly<Record<string, Value>>,
  isJoined: boolean,
): unknown[] {
  const { program, constants } = programOf(graph)
  const plan = new Plan(program, { constants: constants.values, isJoined })
  const inputs = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, toTensor(value)]),
  )
  const answer = (run: (slots: ReturnType<Plan['start']>) => void) =>
    refusalOf(() => {
      const slots = plan.start(inputs)
      run(slots)
      return plan.finish(slots)
    })
  return [
    answer((slots) => {
      plan.run(slots)
    }),
    answer((slots) => {
      for (let step = 0; step < plan.length; step++) plan.runWithin(slots, step, Infinity)
    }),
  ]
}

/** The steps that are joined, by number. */
const stepsIn = ({ program, constants }: ReturnType<typeof programOf>) =>
  Array.from(joinedSteps(program, constants.values).values(), ({ steps }) => steps)

describe.each(Object.entries(GRAPHS))('%s', (name, graph) => {
  test('one step answers, and refuses, as many do', () => {
    const given: fc.Arbitrary<Record<string, Value>> =
      new Map(Object.entries(GIVEN)).get(name) ?? fc.constant({})

    fc.assert(
      fc.property(given, (values) => {
        expect(answersOf(graph, values, true)).toEqual(answersOf(graph, values, false))
      }),
      { numRuns: 500 },
    )
  })

  test('all of it is one step, but for what others ask for as well', () => {
    expect(stepsIn(programOf(graph))).toEqual([graph.nodes.map((_, at) => at)])
    for (const [asked] of graph.nodes.slice(0, -1))
      expect(stepsIn(programOf({ ...graph, also: [asked] }))).toEqual([])
  })
})

/** A graph whose operation has other attributes. */
const changed = (graph: Graph, op: string, attrs: Attrs): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node) => (node[1] === op ? [node[0], op, node[2], attrs] : node)),
})

test('steps whose operands come from one of them are left as they are', () => {
  const counts: Graph = {
    ...COUNTS,
    inputs: ['rows', 'shape'],
    nodes: [
      ['ones', 'OnesLike', ['rows'], T],
      ['cells', 'Pack', ['rows', 'ones'], { ...T, axis: attr.int(1) }],
      ['once', 'Cast', ['ones'], { SrcT: INT64, DstT: FLOAT }],
      ['counts', 'ScatterNd', ['cells', 'once', 'shape'], { T: FLOAT }],
    ],
  }
  const unit: Graph = {
    ...UNIT,
    nodes: UNIT.nodes.map(([name, op, inputs, attrs]) =>
      name === 'positive' ? [name, op, ['sum', 'sum'], attrs] : [name, op, inputs, attrs],
    ),
  }
  const given = { rows: vector([0, 1, 1]), shape: long([2], [2, 3]) }

  expect([counts, unit].flatMap((graph) => stepsIn(programOf(graph)))).toEqual([])
  expect(answersOf(counts, given, true)).toEqual(answersOf(counts, given, false))
})

test('a joint does what it is meant for by itself, up to its last row and with none', () => {
  const size = long([2], [2, 3])
  const places = [vector([0, 1]), vector([0, 2]), vector([7, 7]), size]
  const x = float([1, 2], [3, 4])

  const made = [
    splitsOfRows.run([vector([0, 2, 2]), long([], [3])]),
    splitsOfRows.run([vector([]), long([], [0])]),
    rowsOfSplits.run([vector([0, 1, 3]), float([3], [1, 1, 1])]),
    countsOfCells.run(places),
    unitRows.run([x, integers('DT_INT32', [1], [-1]), float([], [1e-12])]),
  ]

  expect(made).toEqual([
    vector([0, 1, 1, 3]),
    vector([0]),
    vector([0, 1, 1]),
    float([2, 3], [1, 0, 0, 0, 0, 1]),
    float([1, 2], [0.6, 0.8]),
  ])
})

test('a count that is no scalar is refused as by the steps', () => {
  const given = { rows: vector([0, 1]), count: long([1], [2]) }

  expect(answersOf(SPLITS, given, true)).toEqual(answersOf(SPLITS, given, false))
})

test('operations with other attributes or constants are left as they are', () => {
  const others = [
    changed(SPLITS, 'Cumsum', { ...T, exclusive: attr.bool(true) }),
    changed(SPLITS, 'Cumsum', { ...T, reverse: attr.bool(true) }),
    changed(ROWS, 'Range', { Tidx: INT32 }),
    changed(ROWS, 'UpperBound', { ...T, out_type: INT32 }),
    changed(ROWS, 'Squeeze', T),
    changed(COUNTS, 'Pack', { ...T, axis: attr.int(0) }),
    changed(COUNTS, 'Cast', { SrcT: INT64, DstT: INT32 }),
    changed(UNIT, 'Sum', { T: FLOAT }),
    {
      ...ROWS,
      nodes: ROWS.nodes.with(ROWS.nodes.length - 1, ['rows', 'Sub', ['above', 'zeroLong'], T]),
    },
  ]

  for (const graph of others) {
    const { program, constants } = programOf(graph)
    expect(joinedSteps(program, constants.values).size).toBe(0)
  }
})
