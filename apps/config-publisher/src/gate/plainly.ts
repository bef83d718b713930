// What TensorFlow says of a fault, as whoever pushed the model understands it.

const CHARACTERS_MAX = 10_000
/** Of several faults the first: the others are mostly of what waited for it. */
const FIRST = / ?\(0\) (?:[A-Z_]+: )?(.*?) \(1\) /
/** The name of the node within its function, and of nodes that took what it gave; no values of a matrix. */
const PLACE = / ?\[\[(?:\{\{|[^\s\]]+\/_)[^\]]*\]\]/g
const NODE = /\{\{node ([^}]+)\}\}/

/** In one line, with the node that failed before what failed where its name is told. */
export function plainly(text: string): string {
  const line = text.slice(0, CHARACTERS_MAX).replaceAll(/\s+/g, ' ').trim()
  const fault = FIRST.exec(line)?.[1] ?? line
  const node = NODE.exec(fault)?.[1]
  return node === undefined ? fault : `node ${node}: ${fault.replaceAll(PLACE, '').trim()}`
}
