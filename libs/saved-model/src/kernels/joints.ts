// What several operations do together, done in one: a request of one row goes through dozens of them that
// make tensors of a few numbers each. Where operands are not of the usual kind a joint gives nothing, and
// the operations run one by one: they know what to answer, or how to refuse.

import type { Joint } from './joint.ts'
import { countsOfCells, unitRows } from './matrix-joints.ts'
import { rowsOfSplits, splitsOfRows } from './row-joints.ts'

/** By their last operation, which none of them shares with another. */
export const joints: ReadonlyMap<string, Joint> = new Map(
  [splitsOfRows, rowsOfSplits, countsOfCells, unitRows].map((joint) => [joint.shape.op, joint]),
)
