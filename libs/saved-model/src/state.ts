// Whether a part of a graph changes a variable or a table, be it in functions that others call. By
// that it is known whether answers may depend on what was asked before, and whether a model is nothing
// without its checkpoint.

import { type GraphDef, portOf, type SavedModel } from './graph.ts'
import { readFields, textOf } from './wire.ts'

/** Changes what outlives a run. `StatefulPartitionedCall` only calls, `ScatterNd` makes a new tensor. */
const CHANGES =
  /^(Assign|Resource(?!Gather)|Scatter(?!Nd$)|LookupTable(Insert|Remove|Import)|Stateful(?!PartitionedCall$)|Rng|Queue|Stack|Barrier|Batch(Function)?$)/

/** What a function, or a node of the graph, does and which functions it calls. */
interface Body {
  ops: string[]
  calls: string[]
}

/** Whether a signature may change a variable, a table or a queue. */
export const keepsState = ({ graph, signatures }: SavedModel): boolean =>
  changesState(
    graph,
    Object.values(signatures).flatMap(({ outputs }) =>
      Object.values(outputs).map(({ name }) => name),
    ),
  )

/** Whether a variable, a table or a queue may be changed when these nodes or their ports are run. */
export function changesState(graph: GraphDef, run: readonly string[]): boolean {
  const functions = graph.library === undefined ? new Map() : readLibrary(graph.library)
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  const names = new Set(run.map((name) => portOf(name).node))
  const bodies = new Set<Body>()
  // A set that grows while it is walked is walked to its end.
  for (const name of names) {
    const node = nodes.get(name)
    if (node === undefined) continue
    for (const input of node.inputs) names.add(portOf(input).node)
    const attrs = Object.values(node.attrs)
    const calls = attrs.flatMap((each) => (each.kind === 'other' ? functionsOf(each.value) : []))
    bodies.add({ ops: [node.op], calls })
  }
  for (const { ops, calls } of bodies) {
    if (ops.some((op) => CHANGES.test(op))) return true
    // The oldest form of a call is an operation by the name of the function.
    for (const called of [...calls, ...ops]) {
      const body = functions.get(called)
      if (body !== undefined) bodies.add(body)
    }
  }
  return false
}

function readLibrary(library: Uint8Array): Map<string, Body> {
  const functions = new Map<string, Body>()
  for (const field of readFields(library)) {
    if (field.number !== 1) continue
    let name = ''
    const body: Body = { ops: [], calls: [] }
    for (const part of readFields(field.bytes)) {
      if (part.number === 1) name = textOf(part.bytes, 1)
      if (part.number === 3) readNode(part.bytes, body)
    }
    functions.set(name, body)
  }
  return functions
}

function readNode(node: Uint8Array, { ops, calls }: Body): void {
  for (const field of readFields(node)) {
    if (field.number === 2) ops.push(field.text)
    if (field.number !== 5) continue
    for (const entry of readFields(field.bytes))
      if (entry.number === 2) calls.push(...functionsOf(entry.bytes))
  }
}

/** The names of the functions in the value of an attribute: one, or a list of them. */
function functionsOf(attr: Uint8Array): string[] {
  const found: string[] = []
  for (const field of readFields(attr)) {
    if (field.number === 10) found.push(textOf(field.bytes, 1))
    if (field.number !== 1) continue
    for (const item of readFields(field.bytes))
      if (item.number === 9) found.push(textOf(item.bytes, 1))
  }
  return found
}
