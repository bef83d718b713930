// What dealing rows out, and putting them together again, are tried on.

import { attr } from '@drover/saved-model'
import { floatTensor, stringTensor } from '@drover/serving-api'
import { BOOL, INT32, INT64, of, STRING } from './sample-case.ts'
import { A, type Case, CUBE, LONGS, WORDS } from './sample-slices.ts'
import { bool, double, int32, int64 } from './sample-tensors.ts'

const deal = (operands: Case['operands'], rest: Parameters<typeof of>[2] = {}): readonly Case[] =>
  [0, 1, 2].map((port) =>
    of('DynamicPartition', operands, { ...rest, port, attrs: { num_partitions: attr.int(3) } }),
  )
const stitch = (
  op: string,
  operands: Case['operands'],
  rest: Parameters<typeof of>[2] = {},
): Case => of(op, operands, { ...rest, attrs: { N: attr.int(operands.length / 2) } })

const rows = floatTensor([1, 2, 3, 4, 5, 6], [3, 2])
const texts = { type: 'DT_STRING', T: STRING } as const
const longs = { type: 'DT_INT64', T: INT64 } as const

/** Rows that are dealt out. */
export const partitionCases: readonly Case[] = [
  ...deal([rows, int32([2, 0, 2])]),
  ...deal([CUBE, int32([1, 1])]),
  ...deal([A, int32([0, 1, 2, 0, 1, 2], [2, 3])]),
  ...deal([WORDS, int32(WORDS.shape.map(() => 1))], texts),
  ...deal([LONGS, int32([...LONGS.values].map((_, at) => at % 3))], longs),
  ...deal([bool([1, 0]), int32([0, 0])], { type: 'DT_BOOL', T: BOOL }),
  ...deal([floatTensor([], [0, 3]), int32([])]),
  ...deal([floatTensor([7], []), int32([1], [])]),
]

/**
 * Rows that are put together. TensorFlow 2.15 leaves what it finds in memory where none is put, and 2.21 zeros: what
 * has such places is not compared.
 */
export const stitchCases: readonly Case[] = [
  ...['DynamicStitch', 'ParallelDynamicStitch'].flatMap((op) => [
    stitch(op, [
      int32([2, 0]),
      int32([1]),
      floatTensor([1, 2, 3, 4], [2, 2]),
      floatTensor([5, 6], [1, 2]),
    ]),
    stitch(
      op,
      [int32([1, 0], [1, 2]), int32([2], []), int64([5, 6], [1, 2]), int64([2 ** 40], [])],
      longs,
    ),
    stitch(op, [int32([]), int32([0]), floatTensor([], [0, 3]), floatTensor([1, 2, 3], [1, 3])]),
    stitch(op, [int32([]), double([])], { type: 'DT_DOUBLE', T: attr.type('DT_DOUBLE') }),
    stitch(op, [int32([0, 1, 0]), int32([7, 8, 9])], { type: 'DT_INT32', T: INT32 }),
  ]),
  stitch(
    'DynamicStitch',
    [int32([1, 0]), int32([1]), stringTensor(['a', 'ü']), stringTensor(['b'])],
    texts,
  ),
  stitch('DynamicStitch', [int32([1, 0]), bool([1, 0])], { type: 'DT_BOOL', T: BOOL }),
]
