// How often a loop goes round, and what a round takes. A loop whose variables change by the same each round
// tells its end; of others it is only known what one round takes, and they are given a limit.

import { ROUNDS_MAX, VARIABLE_ELEMENTS_MAX } from '../onnx/model.ts'
import { bytesOf, either, exactly, type Extent, extent, isSameExtent, product } from './extent.ts'
import type { Limits, Part, Rounds } from './foretell.ts'
import { stepsIn } from './loop-steps.ts'
import type { OutlineGraph, OutlineNode } from './outline.ts'

/** How often a loop may go round that has others within it, of whose rounds nobody knows either. */
const OUTER_ROUNDS = 1_000
/** Of all memory, for what all rounds write together. */
const WRITTEN_SHARE = 4
const WIDENINGS_MAX = 3

/** Where the tensors of a run are told. */
export interface LoopHost {
  readonly limits: Limits
  readonly rounds: Map<string, Rounds>
  /** How often all that is told now is done. */
  times: number
  find(name: string | undefined): Extent
  put(name: string, told: Extent): void
  tellGraph(graph: OutlineGraph): Part
}

/** One round. */
interface Round extends Part {
  /** Whether there is another one; undefined where it is not known. */
  goesOn: boolean | undefined
  variables: Extent[]
  written: Extent[]
}

interface Told {
  count: number
  isKnown: boolean
  round: Round
}

/** Tells the outputs of a loop. */
export function tellLoop(host: LoopHost, node: OutlineNode): Part {
  const body = node.graphs['body']
  if (body === undefined) return { ns: 0, bytes: 0 }
  const initial = node.inputs.slice(2).map((name) => host.find(name))
  const isBegun = truthOf(host.find(node.inputs[1]))
  const { count, isKnown, round } = toldOf(host, body, { initial, isBegun })
  const outputs = [
    ...round.variables.map((told, at) => (count === 0 ? (initial[at] ?? told) : told)),
    ...round.written.map((each) => rowsOf(each, count, isKnown)),
  ]
  for (const [at, name] of node.outputs.entries())
    host.put(name, outputs[at] ?? extent('DT_FLOAT', [Infinity]))
  const [input = ''] = node.inputs
  const most = isKnown ? Math.max(count, host.rounds.get(input)?.most ?? 0) : count
  host.rounds.set(input, { most, ns: round.ns, isKnown })
  const carried = round.variables.reduce((sum, each) => sum + bytesOf(each), 0)
  return { ns: round.ns * (isKnown ? count : 1), bytes: round.bytes + carried }
}

const rowsOf = ({ dtype, dims, isExact }: Extent, count: number, isKnown: boolean): Extent =>
  extent(dtype, [count, ...dims], { isExact: isExact && isKnown })

function toldOf(
  host: LoopHost,
  body: OutlineGraph,
  { initial, isBegun }: { initial: Extent[]; isBegun: boolean | undefined },
): Told {
  if (isBegun === false) return { count: 0, isKnown: true, round: roundOf(host, body, initial) }
  const settled = settledOf(host, body, initial)
  const told = isBegun === true ? counted(host, body, { initial, settled }) : undefined
  return told ?? limited(host, body, settled)
}

function truthOf(told: Extent): boolean | undefined {
  const [value] = exactly(told) ?? []
  return value === undefined ? undefined : value !== 0
}

function roundOf(
  host: LoopHost,
  body: OutlineGraph,
  variables: readonly Extent[],
  times = OUTER_ROUNDS,
): Round {
  const [counter, condition, ...names] = body.inputs
  host.put(counter?.name ?? '', extent('DT_INT64', [], { isExact: true }))
  const isTrue = { isExact: true, range: { low: [1], high: [1] } }
  host.put(condition?.name ?? '', extent('DT_BOOL', [], isTrue))
  for (const [at, { name }] of names.entries())
    host.put(name, variables[at] ?? extent('DT_FLOAT', [Infinity]))
  host.times *= times
  const part = host.tellGraph(body)
  host.times /= times
  const [goesOn = '', ...outputs] = body.outputs
  const made = outputs.map((name) => host.find(name))
  return {
    ...part,
    goesOn: truthOf(host.find(goesOn)),
    variables: made.slice(0, names.length),
    written: made.slice(names.length),
  }
}

/** The rounds of a loop that tells its end; undefined where it does not. */
function counted(
  host: LoopHost,
  body: OutlineGraph,
  { initial, settled }: { initial: Extent[]; settled: Settled },
): Told | undefined {
  const steps = stepsIn(host, body, initial)
  const before = (at: number) => settled.variables.map((each, place) => steps[place]?.(at) ?? each)
  const last = lastRound((at) => roundOf(host, body, before(at)).goesOn)
  if (last === undefined) return undefined
  const [begin, end, done] = [before(0), before(last), before(last + 1)]
  // Of all rounds together.
  const all = begin.map((each, at) => either(each, end[at] ?? each))
  const round = roundOf(host, body, all, last + 1)
  const bytes = settled.isWithin ? round.bytes : Infinity
  return { count: last + 1, isKnown: true, round: { ...round, bytes, variables: done } }
}

/** The number of the round after which a loop ends, counted from 0; undefined where it is not told. */
function lastRound(goesOnAfter: (at: number) => boolean | undefined): number | undefined {
  let [low, high] = [-1, 0]
  for (;;) {
    const goesOn = goesOnAfter(high)
    if (goesOn === undefined || high > Number(ROUNDS_MAX)) return undefined
    if (!goesOn) break
    ;[low, high] = [high, 2 * high + 1]
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (goesOnAfter(middle) === false) high = middle
    else low = middle
  }
  return high
}

/** What the variables of a loop are before any of its rounds. */
interface Settled {
  variables: Extent[]
  round: Round
  /** Whether it is so for certain. */
  isWithin: boolean
}

function settledOf(host: LoopHost, body: OutlineGraph, initial: readonly Extent[]): Settled {
  let variables = [...initial]
  let round = roundOf(host, body, variables)
  for (let turn = 0; turn <= WIDENINGS_MAX; turn++) {
    const next = variables.map((each, at) => widened(each, round.variables[at] ?? each))
    const isWithin = next.every((each, at) => isSameExtent(each, variables[at] ?? each))
    if (isWithin) return { variables, round, isWithin }
    variables = next
    round = roundOf(host, body, variables)
  }
  return { variables, round, isWithin: false }
}

/** A loop of which it is not known how often it goes round. */
function limited(host: LoopHost, body: OutlineGraph, settled: Settled): Told {
  const { variables, isWithin } = settled
  const round = isWithin ? settled.round : { ...settled.round, bytes: Infinity }
  const written = round.written.reduce((sum, each) => sum + bytesOf(each), 0)
  const { ns, bytes } = host.limits
  const most = hasEndless(host, body) ? OUTER_ROUNDS : Number(ROUNDS_MAX)
  const inTime = ns / round.ns / host.times
  const count = Math.floor(Math.min(most, inTime, bytes / WRITTEN_SHARE / Math.max(1, written)))
  return { count: Math.max(1, count), isKnown: false, round: { ...round, variables } }
}

/** Whether there is a loop in it of whose rounds nobody knows. */
const hasEndless = (host: LoopHost, { nodes }: OutlineGraph): boolean =>
  nodes.some(
    ({ op, inputs: [input = ''], graphs }) =>
      (op === 'Loop' && host.rounds.get(input)?.isKnown === false) ||
      Object.values(graphs).some((graph) => hasEndless(host, graph)),
  )

/** What a variable may be before a round and after it. */
function widened(before: Extent, after: Extent): Extent {
  const both = either(before, after)
  const grown = before.dims.map((size, axis) => (both.dims[axis] ?? 0) > size)
  const range = isSameExtent({ ...both, range: before.range }, both) ? both.range : undefined
  if (before.dims.length !== both.dims.length || !grown.includes(true)) return { ...both, range }
  // Each loop checks that its variables do not grow beyond this.
  const others = product(both.dims.filter((_, axis) => grown[axis] !== true))
  const most = Number(VARIABLE_ELEMENTS_MAX) / Math.max(1, others)
  const dims = both.dims.map((size, axis) => (grown[axis] === true ? most : size))
  return extent(both.dtype, dims, { countMax: Number(VARIABLE_ELEMENTS_MAX), range: undefined })
}
