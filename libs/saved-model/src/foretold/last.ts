// Whether the last dimension of a tensor is just what it is told to be, where others of it are not: of how many
// numbers an index consists says what is left of the tensor that it is looked up in.

import { elementOf, exactly, type Extent } from './extent.ts'
import { KEEPING, SIDE_BY_SIDE } from './kinds.ts'
import type { OutlineNode } from './outline.ts'
import { axisOf, NOTHING } from './shapes.ts'

export const isLastExact = ({ isExact, exactAxis, dims }: Extent): boolean =>
  isExact || (exactAxis !== undefined && exactAxis === dims.length - 1)

type Rule = (node: OutlineNode, inputs: readonly Extent[]) => boolean

const ofFirst: Rule = (_, [input = NOTHING]) => isLastExact(input)
const ofAll: Rule = (_, inputs) => inputs.every(isLastExact)

const unsqueeze: Rule = (_, [input = NOTHING, given]) => {
  const axes = exactly(given)
  const rank = input.dims.length + (axes?.length ?? 0)
  const isNew = axes?.some((axis) => axisOf(axis, rank) === rank - 1) === true
  return isNew || (axes !== undefined && isLastExact(input))
}

const slice: Rule = (_, [input = NOTHING, ...where]) =>
  isLastExact(input) && where.every((each) => exactly(each) !== undefined)

const transpose: Rule = ({ lists }, [input = NOTHING]) =>
  (lists['perm']?.at(-1) ?? 0) === input.exactAxis

const gather: Rule = ({ numbers }, [data = NOTHING, indices = NOTHING]) => {
  const isLast = axisOf(numbers['axis'] ?? 0, data.dims.length) === data.dims.length - 1
  return isLastExact(isLast ? indices : data)
}

const reshape: Rule = (_, [, target = NOTHING]) => {
  const [low, high] = elementOf(target, (target.dims[0] ?? 0) - 1)
  return target.isExact && low === high && low > 0
}

const RULES: Readonly<Record<string, Rule>> = {
  Cast: ofFirst,
  Concat: ofAll,
  Gather: gather,
  Reshape: reshape,
  Slice: slice,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
}

/** Notes on the first output which of its dimensions is exact, where not all are. */
export function withExactAxis(
  node: OutlineNode,
  inputs: readonly Extent[],
  outputs: Extent[],
): Extent[] {
  const [first, ...others] = outputs
  if (first === undefined || first.isExact || first.mayHaveLess === true) return outputs
  // It has a row for each dimension of what it looks at.
  if (node.op === 'NonZero') return [{ ...first, exactAxis: 0 }, ...others]
  const general = SIDE_BY_SIDE.has(node.op) ? ofAll : KEEPING.has(node.op) ? ofFirst : undefined
  const rule = RULES[node.op] ?? general
  if (rule?.(node, inputs) !== true) return outputs
  return [{ ...first, exactAxis: first.dims.length - 1 }, ...others]
}
