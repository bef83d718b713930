// A joint takes less time than its steps, and is told to take no less: where it leaves its work to them, it takes what
// they do.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { refusalOf } from '../refusal.fixture.ts'
import { toTensor, type Value } from '../values.ts'
import {
  fewOf,
  float,
  GIVEN,
  type Graph,
  GRAPHS,
  long,
  programOf,
  vector,
} from './joined.fixture.ts'
import { Plan } from './plan.ts'

/** What all steps of a graph are told to cost, undefined where one refuses. */
function toldOf(
  graph: Graph,
  given: Readonly<Record<string, Value>>,
  isJoined: boolean,
): number | undefined {
  const { program, constants } = programOf(graph)
  const plan = new Plan(program, { constants: constants.values, isJoined })
  const inputs = Object.entries(given).map(([name, value]) => [name, toTensor(value)] as const)
  const slots = plan.start(Object.fromEntries(inputs))
  const told = refusalOf(() => {
    let ns = 0
    for (let step = 0; step < plan.length; step++) ns += plan.runWithin(slots, step, Infinity)
    return ns
  })
  return typeof told === 'number' ? told : undefined
}

const MANY = 20_000
const hundreds = Array.from({ length: MANY }, (_, at) => at % 100)
const rising = Array.from({ length: MANY }, (_, at) => at)
/** Operands of which there are many, both what joints are meant for and what they leave to the steps. */
const LARGE: Record<keyof typeof GRAPHS, readonly Record<string, Value>[]> = {
  SPLITS: [
    { rows: vector(hundreds), count: long([], [100]) },
    { rows: vector([...hundreds.slice(1), -1]), count: long([], [100]) },
    { rows: vector(hundreds), count: long([], [50_000]) },
    { rows: vector([0]), count: long([], [50_000]) },
  ],
  ROWS: [
    { splits: vector([0, MANY]), values: float([MANY], hundreds) },
    { splits: vector(rising), values: float([MANY], hundreds) },
    { splits: vector(rising.toReversed()), values: float([MANY], hundreds) },
    { splits: vector(rising), values: float([1], [1]) },
  ],
  COUNTS: [
    { rows: vector(hundreds), columns: vector(hundreds), shape: long([2], [100, 100]) },
    { rows: vector([1]), columns: vector([1]), shape: long([2], [1000, 1000]) },
    { rows: vector(hundreds), columns: vector(hundreds), shape: long([2], [1100, 1000]) },
  ],
  UNIT: [
    { x: float([200, 100], hundreds) },
    { x: float([10, 20, 100], hundreds) },
    { x: float([MANY, 1], hundreds) },
    { x: fewOf([200, 400], [[3, 1]]) },
  ],
}

test.each(Object.entries(GRAPHS))('%s is told to take no less than its steps', (name, graph) => {
  const given = new Map(Object.entries(GIVEN)).get(name) ?? fc.constant({})
  const large = new Map(Object.entries(LARGE)).get(name) ?? []

  for (const values of [...fc.sample(given, 200), ...large])
    expect(toldOf(graph, values, true) ?? 0).toBeGreaterThanOrEqual(
      toldOf(graph, values, false) ?? 0,
    )
})
