// Variables of a loop that change by the same in each round, since nothing else is done with them than to add it.

import { exactly, type Extent } from './extent.ts'
import type { OutlineGraph, OutlineNode } from './outline.ts'

/** What a variable is before the round with this number, from 0 on. */
type Step = (at: number) => Extent
/** Floats hold all whole numbers up to it; what is added to others is rounded. */
const WHOLE_FLOAT_MAX = 2 ** 24
const PASSED_MAX = 100

/** Where tensors are told: those of a round in which nothing is known of variables that change. */
interface Telling {
  find(name: string | undefined): Extent
}

/** One for each variable of a loop; undefined for those that change in another way. */
export function stepsIn(
  telling: Telling,
  body: OutlineGraph,
  initial: readonly Extent[],
): (Step | undefined)[] {
  const makers = new Map<string, OutlineNode>()
  for (const node of body.nodes) for (const name of node.outputs) makers.set(name, node)
  const sourceOf = (name: string): string => {
    let source = name
    for (let step = 0; step < PASSED_MAX; step++) {
      const node = makers.get(source)
      if (node?.op !== 'Identity') break
      source = node.inputs[0] ?? ''
    }
    return source
  }
  return initial.map((first, at) => {
    const node = makers.get(sourceOf(body.outputs[at + 1] ?? ''))
    const added = node && addedTo(body.inputs[at + 2]?.name, node, node.inputs.map(sourceOf))
    return added && steady(first, exactly(telling.find(added.name)), added.sign)
  })
}

/** What a node adds to a variable of this name; undefined where it does something else. */
function addedTo(
  own: string | undefined,
  { op }: OutlineNode,
  [one, other]: readonly string[],
): { name: string | undefined; sign: 1 | -1 } | undefined {
  if (own === undefined || (op !== 'Add' && op !== 'Sub')) return undefined
  if (own === one) return { name: other, sign: op === 'Add' ? 1 : -1 }
  return own === other && op === 'Add' ? { name: one, sign: 1 } : undefined
}

/** A single number to which another one is added. */
function steady(first: Extent, added: number[] | undefined, sign: number): Step | undefined {
  const [start] = exactly(first) ?? []
  const [by] = added ?? []
  const isSingle = first.count === 1 && added?.length === 1
  if (start === undefined || by === undefined || !isSingle) return undefined
  if (!Number.isInteger(start) || !Number.isInteger(by)) return undefined
  const end = first.dtype === 'DT_INT32' ? 2 ** 31 : WHOLE_MAX
  const most = first.dtype === 'DT_FLOAT' ? WHOLE_FLOAT_MAX : end
  return (at) => {
    const value = start + sign * by * at
    const range = Math.abs(value) < most ? { low: [value], high: [value] } : undefined
    return { ...first, range }
  }
}
const WHOLE_MAX = 2 ** 53
