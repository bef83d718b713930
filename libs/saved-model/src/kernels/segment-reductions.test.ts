import { expect, test } from 'vitest'
import { attr, type NodeDef } from '../graph.ts'
import { refusalOrNone } from '../refusal.fixture.ts'
import { ints, numbers, texts, type Value } from '../values.ts'
import { kernelOf } from './index.ts'

const longs = (...values: number[]): Value => ints([values.length], values.map(BigInt))
const long = (value: number): Value => ints([], [BigInt(value)])
const floats = (...values: number[]): Value => numbers('DT_FLOAT', [values.length], values)
const matrix = numbers('DT_FLOAT', [2, 2], [1, 2, 3, 4])
const HUGE = 2 ** 40

function run(op: string, inputs: readonly Value[], attrs: NodeDef['attrs'] = {}): string {
  return refusalOrNone(() => kernelOf(op)?.({ name: 'y', op, inputs: [], attrs })(inputs))
}

const RANKS = { PARAMS_RAGGED_RANK: attr.int(1), OUTPUT_RAGGED_RANK: attr.int(1) }
const splits = longs(0, 1, 2)

test.each<[string, string, Value[], NodeDef['attrs']?]>([
  ['a segment that is not asked for', 'UnsortedSegmentMax', [floats(1), longs(1), long(1)]],
  ['rows without a segment', 'UnsortedSegmentMin', [floats(1, 2), longs(1), long(2)]],
  ['segments past all memory', 'UnsortedSegmentProd', [floats(1), longs(0), long(HUGE)]],
  ['as many segments as a vector says', 'UnsortedSegmentMax', [floats(1), longs(0), longs(1)]],
  ['as many sums as a vector says', 'UnsortedSegmentSum', [floats(1), longs(0), longs(1)]],
  [
    'as many of some rows as a vector says',
    'SparseSegmentSumWithNumSegments',
    [floats(1), longs(0), longs(0), longs(1)],
  ],
  ['the largest of texts', 'UnsortedSegmentMax', [texts([1], ['a']), longs(0), long(1)]],
  ['the largest with what is no number', 'SegmentMax', [floats(NaN), longs(0)]],
  ['segments out of order', 'SegmentSum', [floats(1, 2), longs(1, 0)]],
  ['a segment below zero', 'SegmentSum', [floats(1, 2), longs(-1, 0)]],
  ['fewer segments than rows', 'SegmentMean', [floats(1, 2), longs(0)]],
  ['the last of too many segments', 'SegmentProd', [floats(1), longs(HUGE)]],
  ['the mean of integers', 'SegmentMean', [longs(1), longs(0)]],
  ['a row that is not there', 'SparseSegmentSum', [floats(1), longs(1), longs(0)]],
  [
    'fewer segments than there are',
    'SparseSegmentSumWithNumSegments',
    [floats(1), longs(0), longs(2), long(2)],
  ],
  ['each row of a matrix once', 'Unique', [matrix]],
  ['what is no number once', 'UniqueWithCounts', [floats(1, NaN)]],
  ['a step of zero', 'RaggedRange', [longs(0), longs(1), longs(0)]],
  ['ranges of other lengths', 'RaggedRange', [longs(0, 1), longs(1, 2, 3), longs(1, 1)]],
  [
    'a range past all memory',
    'RaggedRange',
    [longs(0), longs(HUGE), longs(1)],
    { T: attr.type('DT_INT64') },
  ],
  ['a row past the last', 'RaggedGather', [splits, floats(1, 2), longs(2)], RANKS],
  ['splits that are no splits', 'RaggedGather', [longs(0, 2, 1), floats(1, 2), longs(0)], RANKS],
  [
    'a level that ends elsewhere',
    'RaggedTensorToSparse',
    [longs(0, 3), floats(1, 2)],
    { RAGGED_RANK: attr.int(1) },
  ],
  ['too few targets', 'InTopKV2', [matrix, longs(0), long(1)]],
  ['a turn of a single number', 'Roll', [long(1), long(1), long(0)]],
  ['a turn along no axis there is', 'Roll', [matrix, long(1), long(2)]],
  ['more turns than axes', 'Roll', [matrix, longs(1, 2), long(0)]],
  ['a search among texts', 'LowerBound', [texts([1, 1], ['a']), texts([1, 1], ['a'])]],
  ['a search for another type', 'UpperBound', [matrix, ints([2, 1], [1n, 2n])]],
])('%s is refused', (_, op, inputs, attrs) => {
  expect(run(op, inputs, attrs)).toMatch(/^INVALID_INPUT: /)
})

test.each<[string, string, NodeDef['attrs']]>([
  ['a range of floats', 'RaggedRange', { T: attr.type('DT_FLOAT') }],
  ['rows by a matrix of numbers', 'RaggedGather', { ...RANKS, OUTPUT_RAGGED_RANK: attr.int(2) }],
])('%s is left to TensorFlow', (_, op, attrs) => {
  expect(run(op, [], attrs)).toMatch(/^UNTRANSLATABLE: /)
})
