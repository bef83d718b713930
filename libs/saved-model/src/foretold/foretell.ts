// What a run of an ONNX model takes, told from the shapes of a request before it begins: the most memory at
// a time, the least work, and how many rounds its loops take. onnxruntime takes all memory it is asked for,
// and cannot be stopped.

import { bytesOf, either, type Extent, extent, product, rangeOfNumbers } from './extent.ts'
import { KEEPING, SIDE_BY_SIDE } from './kinds.ts'
import { cutTellings } from './cuts.ts'
import { withExactAxis } from './last.ts'
import { type LoopHost, tellLoop } from './loops.ts'
import { makingTellings } from './making.ts'
import type { OutlineConstant, OutlineGraph, OutlineNode } from './outline.ts'
import { sideBySide } from './ranges.ts'
import { one, shapeTellings, type Telling } from './shapes.ts'
import { multiplyAdds, sumTellings } from './sums.ts'

/** What a node, an element and a product take on a fast machine. */
const [NODE_NS, ELEMENT_NS, MULTIPLY_ADD_NS] = [300, 0.1, 0.02]

/** How often a loop may go round. */
export interface Rounds {
  most: number
  /** Of each, at least. */
  ns: number
  /** Whether it goes round so often, and the work of all of them is told. */
  isKnown: boolean
}

/** What a run takes. */
export interface Foretold {
  /** The most at a time that its tensors take, without constants and what it is fed. */
  bytes: number
  /** Of work, at least. */
  ns: number
  /** By the inputs of the model by which its loops are told. */
  rounds: ReadonlyMap<string, Rounds>
  /** The node that makes the largest tensor. */
  largest: OutlineNode | undefined
  /** What the model gives. */
  outputs: ReadonlyMap<string, Extent>
}

/** What a run may take. */
export interface Limits {
  bytes: number
  ns: number
}

/** A part of a run. */
export interface Part {
  ns: number
  bytes: number
}

const tellings: Readonly<Record<string, Telling>> = {
  ...cutTellings,
  ...makingTellings,
  ...shapeTellings,
  ...sumTellings,
}
/** They give the memory of their first input on. */
const PASSING: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'Squeeze', 'Unsqueeze'])

/** Tells what a run with these inputs takes. */
export function foretell(
  outline: OutlineGraph,
  feeds: ReadonlyMap<string, Extent>,
  limits: Limits,
): Foretold {
  const teller = new Teller(feeds, limits)
  const { ns, bytes } = teller.tellGraph(outline)
  const outputs = new Map(outline.outputs.map((name) => [name, teller.find(name)]))
  return { ns, bytes, rounds: teller.rounds, largest: teller.largest, outputs }
}

/** Of a graph: after which node each tensor is not needed any more. */
const lastUses = new WeakMap<OutlineGraph, ReadonlyMap<string, number>>()

class Teller implements LoopHost {
  readonly #told = new Map<string, Extent>()
  /** What each tensor's memory is that of. */
  readonly #roots = new Map<string, string>()
  readonly rounds = new Map<string, Rounds>()
  readonly limits: Limits
  times = 1
  largest: OutlineNode | undefined
  #largestCount = 0

  constructor(feeds: ReadonlyMap<string, Extent>, limits: Limits) {
    for (const [name, fed] of feeds) this.#told.set(name, fed)
    this.limits = limits
  }

  find(name: string | undefined): Extent {
    return this.#told.get(name ?? '') ?? extent('DT_FLOAT', [Infinity])
  }

  put(name: string, told: Extent): void {
    this.#told.set(name, told)
  }

  tellGraph(graph: OutlineGraph): Part {
    for (const constant of graph.constants) this.put(constant.name, ofConstant(constant))
    const uses = lastUses.get(graph) ?? usesIn(graph)
    lastUses.set(graph, uses)
    const live = new Map<string, number>()
    const left = new Map<string, number>()
    let [ns, bytes, most] = [0, 0, 0]
    for (const [at, node] of graph.nodes.entries()) {
      const part = this.#tellNode(node)
      ns += part.ns
      for (const name of node.outputs) {
        const root = this.#rootOf(node, name)
        left.set(root, Math.max(left.get(root) ?? 0, uses.get(name) ?? at))
        if (root === name) live.set(name, bytesOf(this.find(name)))
      }
      bytes += sumOf(live, node.outputs)
      most = Math.max(most, bytes + part.bytes)
      const done = this.#rootsOf(node).filter((root) => (left.get(root) ?? Infinity) <= at)
      bytes -= sumOf(live, done)
      for (const root of done) live.delete(root)
    }
    return { ns, bytes: most }
  }

  #rootsOf({ inputs, outputs }: OutlineNode): string[] {
    return [...new Set([...inputs, ...outputs].map((name) => this.#roots.get(name) ?? name))]
  }

  #rootOf({ op, inputs }: OutlineNode, name: string): string {
    const [source = name] = PASSING.has(op) ? inputs : []
    const root = this.#roots.get(source) ?? source
    this.#roots.set(name, root)
    return root
  }

  /** What the node takes besides its outputs. */
  #tellNode(node: OutlineNode): Part {
    if (node.op === 'If') return this.#tellChoice(node)
    if (node.op === 'Loop') return tellLoop(this, node)
    const inputs = node.inputs.map((name) => this.find(name))
    const told = withRank(node, inputs, tellingOf(node.op)(node, inputs))
    const outputs = withExactAxis(node, inputs, told)
    for (const [at, name] of node.outputs.entries()) this.put(name, one(outputs, at))
    const made = outputs.reduce((sum, { count }) => sum + count, 0)
    if (made > this.#largestCount) [this.largest, this.#largestCount] = [node, made]
    const work = multiplyAdds(node, inputs, outputs)
    const patches = node.op === 'Conv' ? patchesOf(inputs, outputs) : 0
    return { ns: NODE_NS + made * ELEMENT_NS + work * MULTIPLY_ADD_NS, bytes: patches }
  }

  #tellChoice({ inputs, outputs, graphs }: OutlineNode): Part {
    const { range } = this.find(inputs[0])
    const isTold = range !== undefined && range.low[0] === range.high[0]
    const names = ['then_branch', 'else_branch'].filter(
      (name) => !isTold || (name === 'then_branch') === (range.low[0] !== 0),
    )
    const branches = names.flatMap((name) => graphs[name] ?? [])
    const parts = branches.map((branch) => {
      const part = this.tellGraph(branch)
      return { part, made: branch.outputs.map((name) => this.find(name)) }
    })
    for (const [at, name] of outputs.entries())
      this.put(name, parts.map(({ made }) => one(made, at)).reduce(either))
    const ns = parts.map(({ part }) => part.ns)
    // It is not known which one is taken.
    return { ns: Math.min(...ns), bytes: Math.max(...parts.map(({ part }) => part.bytes)) }
  }
}

/** Where an operand may have fewer dimensions, what is made of it may as well. */
function withRank({ op }: OutlineNode, inputs: readonly Extent[], outputs: Extent[]): Extent[] {
  const mayHaveLess = inputs.some((input) => input.mayHaveLess)
  if (!mayHaveLess || op === 'Shape' || op === 'Size') return outputs
  return outputs.map((output) => ({ ...output, mayHaveLess }))
}

function tellingOf(op: string): Telling {
  if (KEEPING.has(op)) return (_, [input]) => [{ ...one(input ? [input] : []), range: undefined }]
  if (SIDE_BY_SIDE.has(op)) return sideBySide
  return tellings[op] ?? (() => [extent('DT_FLOAT', [Infinity])])
}

/** Whether it is told what an operation of ONNX makes. */
export const isForetold = (op: string): boolean =>
  KEEPING.has(op) || SIDE_BY_SIDE.has(op) || op in tellings || op === 'If' || op === 'Loop'

/** The places of an image's windows side by side, of one image at a time. */
function patchesOf([input, weights]: readonly Extent[], [output]: readonly Extent[]): number {
  const places = product(output?.dims.slice(2) ?? [])
  return 4 * places * product(weights?.dims.slice(1) ?? []) * Math.min(1, input?.count ?? 0)
}

const ofConstant = ({ dtype, dims, values }: OutlineConstant): Extent =>
  extent(dtype, dims, {
    isExact: true,
    range: values !== undefined && values.length > 0 ? rangeOfNumbers(values) : undefined,
  })

const sumOf = (bytes: ReadonlyMap<string, number>, names: readonly string[]): number =>
  names.reduce((sum, name) => sum + (bytes.get(name) ?? 0), 0)

function usesIn({ nodes, outputs }: OutlineGraph): Map<string, number> {
  const uses = new Map<string, number>()
  const use = (names: readonly string[], at: number) => {
    for (const name of names) uses.set(name, at)
  }
  for (const [at, node] of nodes.entries()) {
    use(node.inputs, at)
    for (const graph of Object.values(node.graphs)) use(usedWithin(graph), at)
  }
  use(outputs, Infinity)
  return uses
}

const usedWithin = ({ nodes, outputs }: OutlineGraph): string[] => [
  ...outputs,
  ...nodes.flatMap(({ inputs, graphs }) => [
    ...inputs,
    ...Object.values(graphs).flatMap(usedWithin),
  ]),
]
