// Whether a part of a graph changes a variable or a table, be it in functions that others call. By
// that it is known whether answers may depend on what was asked before, and whether a model is nothing
// without its checkpoint.

import { functionsIn, type GraphDef, type NodeDef, portOf, type SavedModel } from './graph.ts'
import { untranslatable } from './node-attrs.ts'

/** Changes what outlives a run. `StatefulPartitionedCall` only calls, `ScatterNd` makes a new tensor. */
export const CHANGES =
  /^(Assign|Resource(?!Gather)|Scatter(?!Nd$)|LookupTable(Insert|Remove|Import)|Stateful(?!PartitionedCall$)|Rng|Queue|Stack|Barrier|Batch(Function)?$)/

/** Whether a signature may change a variable, a table or a queue. */
export const keepsState = (model: SavedModel): boolean =>
  changesState(model.graph, outputsOf(model))

/** Throws UNTRANSLATABLE where what a model keeps is not at each request what it was loaded with. */
export function checkLasting(model: SavedModel): void {
  const changer = changerIn(model.graph, outputsOf(model))
  if (changer !== undefined) throw untranslatable(changer, 'it changes what the model keeps')
}

/** The names of the tensors that signatures answer with. */
export const outputsOf = ({ signatures }: Pick<SavedModel, 'signatures'>): string[] =>
  Object.values(signatures).flatMap(({ outputs }) => Object.values(outputs).map(({ name }) => name))

/** Whether a variable, a table or a queue may be changed when these nodes or their ports are run. */
export const changesState = (graph: GraphDef, run: readonly string[]): boolean =>
  changerIn(graph, run) !== undefined

function changerIn(
  { nodes: all, functions }: GraphDef,
  run: readonly string[],
): NodeDef | undefined {
  const nodes = new Map(all.map((node) => [node.name, node]))
  const names = new Set(run.map((name) => portOf(name).node))
  const bodies = new Set<readonly NodeDef[]>()
  // A set that grows while it is walked is walked to its end.
  for (const name of names) {
    const node = nodes.get(name)
    if (node === undefined) continue
    for (const input of node.inputs) names.add(portOf(input).node)
    bodies.add([node])
  }
  for (const body of bodies) {
    const found = body.find(({ op }) => CHANGES.test(op))
    if (found !== undefined) return found
    for (const called of body.flatMap(calledBy)) {
      const nodesOf = functions?.get(called)?.nodes
      if (nodesOf !== undefined) bodies.add(nodesOf)
    }
  }
  return undefined
}

/** The functions that a node may call; the oldest form of a call is an operation by the function's name. */
export function calledBy({ op, attrs }: NodeDef): string[] {
  const called = [op]
  for (const attr of Object.values(attrs)) called.push(...functionsIn(attr))
  return called
}
