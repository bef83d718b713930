// How functions call each other. TensorFlow follows every call when it loads a model: its process ends
// where a function calls itself, and takes minutes where calls are many or deep.

import type { FunctionDef, SavedModel } from './graph.ts'
import { calledBy } from './state.ts'

/** Of so many calls within each other TensorFlow's first run takes 5 s, of four times as many over a minute. */
const DEPTH_MAX = 256
/** So many nodes, a function's counted at each of its calls, take TensorFlow 7 s to load. */
const NODES_MAX = 1_000_000

/** A function with all that it calls. */
interface Extent {
  nodes: number
  /** How many calls are within each other. */
  depth: number
}

/** Why TensorFlow would not come to the end of a model's calls, as a sentence; undefined where it would. */
export function endlessIn({ graph }: Pick<SavedModel, 'graph'>): string | undefined {
  const functions = graph.functions ?? new Map<string, FunctionDef>()
  const extents = new Map<string, Extent>()
  const entered = new Set<string>()
  for (const start of functions.keys()) {
    const open = [start]
    // A function is looked at twice: to look at what it calls first, and to add that up.
    for (let name = open.at(-1); name !== undefined; name = open.at(-1)) {
      const calls = extents.has(name) ? [] : callsOf(functions, name)
      if (entered.has(name)) {
        open.pop()
        const extent = extents.get(name) ?? sumOf(functions.get(name), calls, extents)
        if (extent.depth > DEPTH_MAX) return `functions call functions over ${DEPTH_MAX} deep`
        if (extent.nodes > NODES_MAX)
          return `the calls of the function ${name} make over ${NODES_MAX} nodes`
        extents.set(name, extent)
        continue
      }
      entered.add(name)
      const ahead = calls.filter((called) => !extents.has(called))
      const circle = ahead.find((called) => entered.has(called))
      if (circle !== undefined) return `the function ${circle} calls itself`
      for (const called of new Set(ahead)) open.push(called)
    }
  }
  return undefined
}

/** The functions that a function calls, each as often as it does. */
function callsOf(functions: ReadonlyMap<string, FunctionDef>, name: string): string[] {
  const { nodes = [], also = [] } = functions.get(name) ?? {}
  return [...nodes.flatMap(calledBy), ...also].filter((called) => functions.has(called))
}

function sumOf(
  { nodes = [] }: Partial<FunctionDef> = {},
  calls: readonly string[],
  extents: ReadonlyMap<string, Extent>,
): Extent {
  const called = calls.map((name) => extents.get(name) ?? { nodes: 0, depth: 0 })
  return {
    nodes: called.reduce((sum, extent) => sum + extent.nodes, nodes.length),
    depth: 1 + called.reduce((depth, extent) => Math.max(depth, extent.depth), 0),
  }
}
