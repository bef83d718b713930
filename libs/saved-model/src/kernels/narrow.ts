// Numbers brought back to what a narrow type can hold, which a wider one carries.

import { isCarriedType, isNarrow, NARROW, type NarrowType, rounded } from '../carried/index.ts'
import type { NodeDef } from '../graph.ts'
import { untranslatable } from '../node-attrs.ts'
import { type Kernel, withOne } from './kernel.ts'

/** The narrow type of such a node. */
export function narrowTypeOf(node: NodeDef): NarrowType {
  const to = node.attrs['to']
  if (to?.kind !== 'type' || !isCarriedType(to.value) || !isNarrow(to.value))
    throw untranslatable(node, 'it has no narrow type')
  return to.value
}

const narrow: Kernel = (node) => {
  const type = narrowTypeOf(node)
  return withOne((input) => rounded(input, type))
}

export const narrowKernels: Readonly<Record<string, Kernel>> = { [NARROW]: narrow }
