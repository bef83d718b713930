// What the operations are tried on, and the slices of it.

import { type Attr, attr } from '@drover/saved-model'
import { type DataType, floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { int32, int64 } from './sample-tensors.ts'

/** One operation on its own, and what it is tried on. */
export interface Case {
  op: string
  /** A constant when wrapped in `constant`, else an input of the signature. */
  operands: (Tensor | { constant: Tensor })[]
  attrs: Record<string, Attr>
  type: DataType
  port: number
}

export const fixed = (tensor: Tensor) => ({ constant: tensor })

export const A = floatTensor([-2.5, -1, 0, 0.5, 1, 3.25], [2, 3])
export const B = floatTensor([2, -3, 0.5], [3])
export const CUBE = floatTensor(
  Array.from({ length: 24 }, (_, index) => index / 2 - 3),
  [2, 3, 4],
)
export const POSITIVE = floatTensor([1e-6, 0.25, 1, 2, 9, 1e6], [2, 3])
export const STRANGE = floatTensor([NaN, Infinity, -Infinity, 1, -0, 0], [2, 3])
export const LONG = int64([7, -3, 0, 2 ** 40, 5, -1], [2, 3])
export const LONGS = int64([2, 2, 1], [3])
export const WORDS = stringTensor(['a', 'B', '', 'a b', 'ä', 'B'], [2, 3])

interface Masks {
  begin?: number
  end?: number
  shrink?: number
  ellipsis?: number
  added?: number
  /** Whether a request brings begin and end. */
  isFed?: boolean
}

const slice = (input: Tensor, bounds: [number[], number[], number[]], masks: Masks = {}): Case => ({
  op: 'StridedSlice',
  operands: [
    input,
    ...bounds.map((bound, index) =>
      masks.isFed === true && index < 2 ? int32(bound) : fixed(int32(bound)),
    ),
  ],
  attrs: {
    T: attr.type(input.dtype),
    Index: attr.type('DT_INT32'),
    begin_mask: attr.int(masks.begin ?? 0),
    end_mask: attr.int(masks.end ?? 0),
    shrink_axis_mask: attr.int(masks.shrink ?? 0),
    ellipsis_mask: attr.int(masks.ellipsis ?? 0),
    new_axis_mask: attr.int(masks.added ?? 0),
  },
  type: input.dtype,
  port: 0,
})

/** StridedSlice in all its ways. */
export const slices: readonly Case[] = [
  slice(
    A,
    [
      [0, 1],
      [0, 3],
      [1, 1],
    ],
    { begin: 1, end: 1 },
  ),
  slice(
    A,
    [
      [-1, 0],
      [0, 2],
      [1, 1],
    ],
    { shrink: 1 },
  ),
  slice(
    LONG,
    [
      [0, 2],
      [2, 0],
      [1, -1],
    ],
    {},
  ),
  slice(
    LONG,
    [
      [0, 0],
      [0, 0],
      [-1, -2],
    ],
    { begin: 3, end: 3 },
  ),
  slice(WORDS, [[1], [2], [1]], { shrink: 1 }),
  slice(A, [[5], [9], [1]]),
  slice(
    CUBE,
    [
      [0, 1],
      [0, 3],
      [1, 2],
    ],
    { ellipsis: 1 },
  ),
  slice(
    CUBE,
    [
      [1, 0, -1],
      [2, 0, 0],
      [1, 1, 1],
    ],
    { ellipsis: 2, shrink: 4 },
  ),
  slice(
    CUBE,
    [
      [0, 0, 0],
      [0, 0, 0],
      [1, 1, 1],
    ],
    { begin: 1, end: 1, added: 2, shrink: 4 },
  ),
  slice(
    CUBE,
    [
      [0, 0, 0, 3, 0],
      [0, 0, 0, 0, 0],
      [1, 1, 1, 1, 1],
    ],
    {
      begin: 1,
      end: 1,
      added: 18,
      ellipsis: 4,
      shrink: 8,
    },
  ),
  slice(CUBE, [[0], [0], [1]], { ellipsis: 1 }),
  slice(CUBE, [[0], [0], [1]], { added: 1 }),
  slice(CUBE, [[], [], []]),
  slice(CUBE, [
    [0, 0, 5],
    [2, 3, -9],
    [1, 2, -3],
  ]),
  slice(CUBE, [
    [0, -9],
    [2, 9],
    [1, 1],
  ]),
  slice(CUBE, [
    [1, -2],
    [0, -9],
    [-1, -1],
  ]),
  slice(
    A,
    [
      [0, -9],
      [2, -9],
      [1, -1],
    ],
    { end: 2 },
  ),
  slice(
    A,
    [
      [0, -9],
      [2, -9],
      [1, -1],
    ],
    { end: 2, isFed: true },
  ),
  slice(
    A,
    [
      [0, -1],
      [2, -9],
      [1, -2],
    ],
    { isFed: true },
  ),
  slice(
    A,
    [
      [1, 1],
      [2, 3],
      [1, 1],
    ],
    { isFed: true },
  ),
  slice(
    A,
    [
      [1, -1],
      [0, 0],
      [1, 1],
    ],
    { begin: 1, end: 1, shrink: 2, isFed: true },
  ),
  slice(
    A,
    [
      [-2, 1],
      [0, 0],
      [1, 1],
    ],
    { end: 2, shrink: 1, isFed: true },
  ),
  slice(
    CUBE,
    [
      [0, 1, 0],
      [0, 0, 2],
      [1, 1, 1],
    ],
    { ellipsis: 1, shrink: 2, isFed: true },
  ),
  slice(
    LONG,
    [
      [0, 0, 1],
      [0, 0, 3],
      [1, 1, 1],
    ],
    { ellipsis: 1, added: 2, isFed: true },
  ),
  slice(
    floatTensor([], [0, 3]),
    [
      [0, 0],
      [0, 0],
      [1, 1],
    ],
    { begin: 1, end: 1, shrink: 2 },
  ),
  slice(
    floatTensor([], [0, 3]),
    [
      [0, 0],
      [0, 0],
      [-1, -1],
    ],
    { begin: 3, end: 3 },
  ),
]
