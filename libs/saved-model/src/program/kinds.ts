// Of what kind a tensor is for running rows in parts:
//
//   same      equal in every part
//   rows      dimension 0 is the rows; the parts' one after the other; `lengthsOf` where they tell how many
//             pieces each row of a split has
//   count     how many rows there are
//   shape     the shape of `rows`, as a tensor
//   others    of texts that are split: see `ragged.ts`. `of` names the split: pieces of two splits need not
//             be as many in each part, though all together are

import { asIntegers, type Value } from '../values.ts'
import type { NodeStep } from './program.ts'

/** What the parts of a tensor have to do with the whole; sizes after the rows, -1 where unknown. */
export type Kind =
  | { is: 'same'; value?: Value; shape?: readonly number[] | undefined }
  | { is: 'rows'; inner: readonly number[]; lengthsOf?: string }
  | { is: 'shape'; inner: readonly number[] }
  | { is: 'pieces'; inner: readonly number[]; of: string; areOnes?: boolean }
  | { is: 'count' | 'dims' }
  | { is: RaggedName; of: string }

/** The kinds of texts that are split. */
type RaggedName =
  | 'places'
  | 'rowOf'
  | 'ends'
  | 'splits'
  | 'splitsAsRow'
  | 'total'
  | 'numbers'
  | 'numbersAsRow'
  | 'aboveAsRow'
  | 'above'
  | 'cells'

/** The integers of a constant. */
export function integersIn(kind: Kind | undefined): number[] | undefined {
  const value = kind?.is === 'same' ? kind.value : undefined
  return value?.dtype === 'DT_INT32' || value?.dtype === 'DT_INT64' ? asIntegers(value) : undefined
}

/** A step as the node it was, for reading its attributes. */
export const nodeOf = ({ name, op, attrs }: NodeStep) => ({ name, op, inputs: [], attrs })
