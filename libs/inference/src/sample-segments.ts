// What operations on segments, on parts of ragged rows, and on each value once are tried on.

import { attr } from '@drover/saved-model'
import { floatTensor, stringTensor } from '@drover/serving-api'
import { BOOL, FLOAT, INT32, INT64, of, STRING } from './sample-case.ts'
import { partitionCases } from './sample-partitions.ts'
import { A, type Case, CUBE, fixed, LONG, LONGS, WORDS } from './sample-slices.ts'
import { bool, double, int32, int64 } from './sample-tensors.ts'

const rows = floatTensor([1, -2, 3, 4, 0.5, -6, 7, 8], [4, 2])
const order = int32([0, 0, 2, 2])
const mixed = int32([2, -1, 0, 2])
const WAYS = ['Max', 'Min', 'Prod'] as const
const long = { type: 'DT_INT64', T: INT64 } as const
const ints = { type: 'DT_INT32', T: INT32 } as const

const unsorted = (way: string): readonly Case[] => {
  const op = `UnsortedSegment${way}`
  const attrs = { Tindices: INT32, Tnumsegments: INT32 }
  const count = fixed(int32([4], []))
  return [
    of(op, [rows, mixed, count], { attrs }),
    of(op, [rows, int32([0, 1, 1, 0, 3, 3, 3, 3], [4, 2]), count], { attrs }),
    of(op, [int32([100_000, 70_000, -3, 5]), mixed, count], { ...ints, attrs }),
    of(op, [int64([2 ** 40, 3, -1, 7]), mixed, count], { ...long, attrs }),
    of(op, [double([0.1, 0.2, 0.3]), int32([0, 0, 1]), count], {
      type: 'DT_DOUBLE',
      T: attr.type('DT_DOUBLE'),
      attrs,
    }),
    of(op, [floatTensor([], [0, 2]), int32([]), count], { attrs }),
  ]
}

const sorted = (way: string): readonly Case[] => {
  const op = `Segment${way}`
  const attrs = { Tindices: INT32 }
  return [
    of(op, [rows, order], { attrs }),
    of(op, [CUBE, int32([1, 1])], { attrs }),
    of(op, [rows, int64([0, 1, 1, 5])], { attrs: { Tindices: INT64 } }),
    ...(way === 'Mean' ? [] : [of(op, [int64([2 ** 40, 3, -1, 7]), order], { ...long, attrs })]),
  ]
}

const sparse = (way: string): readonly Case[] => {
  const op = `SparseSegment${way}`
  const attrs = { Tidx: INT32, Tsegmentids: INT32 }
  const picked = int32([3, 0, 0, 1])
  return [
    of(op, [rows, picked, order], { attrs }),
    of(op, [CUBE, int32([1, 0]), int32([0, 3])], { attrs }),
    of(`${op}WithNumSegments`, [rows, picked, order, fixed(int32([5], []))], {
      attrs: { ...attrs, Tnumsegments: INT32 },
    }),
  ]
}

const unique = (op: string, operands: Case['operands'], rest: Parameters<typeof of>[2] = {}) =>
  [0, 1, 2].slice(0, op.includes('Counts') ? 3 : 2).map((port) =>
    of(op, operands, {
      ...rest,
      port,
      ...(port > 0 && { type: 'DT_INT32' }),
    }),
  )
const AXIS = { Taxis: INT32 }

const once: readonly Case[] = ['Unique', 'UniqueWithCounts'].flatMap((op) => [
  ...unique(op, [floatTensor([3, 1, 3, -0, 0, 1])]),
  ...unique(op, [stringTensor(['b', 'ä', 'b', ''])], { type: 'DT_STRING', T: STRING }),
  ...unique(op, [LONGS], long),
  ...unique(op, [int32([])], ints),
  ...unique(`${op}V2`, [int32([5, 5, 1]), fixed(int32([0]))], { ...ints, attrs: AXIS }),
  ...unique(`${op}V2`, [int32([5, 5, 1]), fixed(int32([]))], { ...ints, attrs: AXIS }),
  of(op, [LONGS], { type: 'DT_INT64', T: INT64, port: 1, attrs: { out_idx: INT64 } }),
])

const range = (operands: Case['operands'], port: number, T = INT32): Case =>
  of('RaggedRange', operands, {
    port,
    T,
    type: port === 0 ? 'DT_INT64' : T === INT32 ? 'DT_INT32' : 'DT_INT64',
    attrs: { Tsplits: INT64 },
  })
const zero = fixed(int32([0], []))
const one = fixed(int32([1], []))

const splits = int64([0, 2, 2, 5])
const outer = int64([0, 1, 3])
const values = floatTensor([1, 2, 3, 4, 5])
const gather = (operands: Case['operands'], port: number, type: Case['type']): Case => {
  const rank = operands.length - 2
  return of('RaggedGather', operands, {
    port,
    type,
    attrs: {
      Tvalues: attr.type(type === 'DT_INT64' ? 'DT_FLOAT' : type),
      Tindices: INT32,
      Tsplits: INT64,
      PARAMS_RAGGED_RANK: attr.int(rank),
      OUTPUT_RAGGED_RANK: attr.int(rank),
    },
  })
}
const toSparse = (operands: Case['operands']): readonly Case[] =>
  [0, 1, 2].map((port) =>
    of('RaggedTensorToSparse', operands, {
      port,
      type: port === 1 ? 'DT_FLOAT' : 'DT_INT64',
      attrs: { Tsplits: INT64, RAGGED_RANK: attr.int(operands.length - 1) },
    }),
  )
const wide = floatTensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 2])
const wider = floatTensor(
  Array.from({ length: 30 }, (_, index) => index),
  [5, 2, 3],
)

const ragged: readonly Case[] = [
  ...[0, 1].flatMap((port) => [
    range([zero, int32([3, 0, 2]), one], port),
    range([int32([5, 1]), int32([1, 9]), int32([-2, 3])], port),
    range([int64([2], []), int64([6], []), int64([3], [])], port, INT64),
  ]),
  gather([splits, values, int32([2, 0, 2])], 0, 'DT_INT64'),
  gather([splits, values, int32([2, 0, 2])], 1, 'DT_FLOAT'),
  gather([splits, wide, int32([1, 2])], 1, 'DT_FLOAT'),
  gather([splits, values, int32([])], 1, 'DT_FLOAT'),
  gather([outer, splits, values, int32([1, 1, 0])], 0, 'DT_INT64'),
  gather([outer, splits, values, int32([1, 1, 0])], 1, 'DT_INT64'),
  gather([outer, splits, values, int32([1, 1, 0])], 2, 'DT_FLOAT'),
  ...toSparse([splits, values]),
  ...toSparse([splits, wide]),
  ...toSparse([splits, wider]),
  ...toSparse([outer, splits, values]),
  ...toSparse([int64([0, 0]), floatTensor([])]),
]

const inTop = (k: number, scores = A, targets = int32([2, 0])): Case =>
  of('InTopKV2', [scores, targets, fixed(int32([k], []))], { type: 'DT_BOOL', T: INT32 })
const roll = (operands: Case['operands'], rest: Parameters<typeof of>[2] = {}): Case =>
  of('Roll', operands, { ...rest, attrs: { Tshift: INT32, Taxis: INT32 } })

const bound = (op: string, operands: Case['operands'], rest: Parameters<typeof of>[2] = {}): Case =>
  of(op, operands, { type: 'DT_INT32', ...rest })
const edges = floatTensor([-1, 0, 0, 2.5], [1, 4])
const sought = floatTensor([0, 7, -3, NaN, -0, 2.5], [1, 6])

/** Segments, rows that are dealt out, parts of ragged rows, each value once, what is among the largest, turns and bounds. */
export const segmentCases: readonly Case[] = [
  ...WAYS.flatMap(unsorted),
  ...[...WAYS, 'Sum', 'Mean'].flatMap(sorted),
  ...['Sum', 'Mean', 'SqrtN'].flatMap(sparse),
  ...once,
  ...partitionCases,
  ...ragged,
  ...[0, 1, 2, 9].map((k) => inTop(k)),
  inTop(1, A, int32([7, -1])),
  inTop(1, floatTensor([1, NaN, 2, 5, Infinity, 6], [2, 3]), int32([0, 0])),
  inTop(2, floatTensor([1, 1, 1, 2, 2, 1], [2, 3]), int32([2, 0])),
  roll([CUBE, int32([2], []), fixed(int32([2], []))]),
  roll([CUBE, int32([1, -5, 1]), fixed(int32([0, -1, 0]))]),
  roll([LONG, int32([-1]), fixed(int32([1]))], long),
  roll([WORDS, int32([4], []), fixed(int32([0], []))], { type: 'DT_STRING', T: STRING }),
  roll([bool([1, 0, 0]), int32([1], []), fixed(int32([0], []))], { type: 'DT_BOOL', T: BOOL }),
  roll([floatTensor([], [0, 3]), int32([1], []), fixed(int32([0], []))], { T: FLOAT }),
  ...['LowerBound', 'UpperBound'].flatMap((op) => [
    bound(op, [fixed(edges), sought]),
    bound(op, [int32([1, 3, 3], [1, 3]), int32([3, 0], [1, 2])], { T: INT32 }),
  ]),
]
