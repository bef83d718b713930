import { expect, test } from 'vitest'
import { attr, type NodeDef } from '../graph.ts'
import { texts, type Value } from '../values.ts'
import { costOf } from './costs.ts'

const MILLION = 1_000_000
const floats = (shape: readonly number[]): Value => ({
  dtype: 'DT_FLOAT',
  shape,
  values: new Float32Array(shape.reduce((product, size) => product * size, 1)),
})
const ints = (...values: number[]): Value => ({
  dtype: 'DT_INT32',
  shape: [values.length],
  values: Int32Array.from(values),
})
const column = floats([1_000, 1])
const row = floats([1, 1_000])

/** A million elements or multiply-adds of a few bytes each, asked for by operands that are small. */
test.each<[string, NodeDef['attrs'], readonly Value[]]>([
  ['Mul', {}, [column, row]],
  ['SelectV2', {}, [column, row, row]],
  ['MatMul', {}, [column, row]],
  ['MatMul', { transpose_a: attr.bool(true) }, [floats([1_000, 1]), floats([1_000, 1_000])]],
  ['MatMul', { transpose_b: attr.bool(true) }, [column, column]],
  ['BatchMatMulV2', {}, [floats([1_000, 1, 1, 1]), floats([1, 1_000, 1, 1])]],
  ['Fill', {}, [ints(1_000, 1_000), floats([])]],
  ['Tile', {}, [row, ints(1_000, 1)]],
  ['OneHot', {}, [ints(...new Int32Array(1_000)), ints(1_000), floats([]), floats([])]],
  ['Range', {}, [ints(0), ints(MILLION), ints(1)]],
  ['BroadcastTo', {}, [floats([1]), ints(1_000, 1_000)]],
  ['FloorDiv', {}, [column, row]],
  ['Bucketize', { boundaries: attr.floats([0]) }, [floats([MILLION, 0])]],
  ['TopKV2', {}, [floats([MILLION, 0]), ints(0)]],
  ['Where', {}, [floats([MILLION, 0])]],
  ['GatherNd', {}, [floats([2, 1_000]), floats([1_000, 1])]],
  ['SplitV', { num_split: attr.int(MILLION) }, [floats([0]), ints(0), ints(0)]],
  ['Slice', {}, [floats([MILLION, 0]), ints(0, 0), ints(0, 0)]],
  ['ReverseV2', {}, [floats([MILLION, 0]), ints(0)]],
  ['Cumprod', {}, [floats([MILLION, 0]), ints(0)]],
  ['InvertPermutation', {}, [floats([MILLION, 0])]],
  ['ScatterNd', {}, [floats([0, 1]), floats([0]), ints(MILLION)]],
  ['UnsortedSegmentSum', {}, [row, floats([1]), ints(1_000)]],
  ['DenseBincount', {}, [ints(1), ints(MILLION), floats([0])]],
  ['RaggedBincount', {}, [ints(...new Int32Array(1_000)), ints(1), ints(1_000), floats([0])]],
  ['RaggedTensorToTensor', {}, [ints(1_000, 1_000), floats([1]), floats([]), ints(0, 1)]],
  [
    'RaggedTensorToTensor',
    {},
    [ints(-1, -1), floats([1_000]), floats([]), ints(...new Int32Array(1_001))],
  ],
  ['LookupTableFindV2', {}, [ints(1), ints(1), floats([MILLION, 0]), ints(0)]],
  ['GatherV2', {}, [floats([2, 1_000]), ints(...new Int32Array(1_000)), ints(0)]],
  ['Sum', {}, [floats([MILLION, 0]), ints(1)]],
  ['ConcatV2', {}, [floats([MILLION, 0]), floats([MILLION, 0]), ints(1)]],
  ['Split', { num_split: attr.int(MILLION) }, [ints(0), floats([0])]],
  ['StringJoin', {}, [texts([1], ['a'.repeat(1_000)]), texts([1_000], Array(1_000).fill(''))]],
  ['UnsortedSegmentMax', {}, [row, floats([1]), ints(1_000)]],
  ['SegmentSum', {}, [row, ints(1_000)]],
  ['SparseSegmentSum', {}, [row, ints(0), ints(1_000)]],
  ['SparseSegmentMeanWithNumSegments', {}, [row, ints(0), ints(0), ints(1_000)]],
  ['SparseSegmentSum', {}, [row, ints(...new Int32Array(1_000)), ints(...new Int32Array(1_000))]],
  ['UniqueWithCounts', {}, [floats([MILLION, 0])]],
  ['RaggedRange', {}, [ints(0), ints(MILLION), ints(1)]],
  ['RaggedGather', {}, [ints(0, 1_000), floats([1_000]), ints(...new Int32Array(1_000))]],
  ['DynamicPartition', { num_partitions: attr.int(10_000) }, [ints(0), ints(0)]],
  ['DynamicPartition', { num_partitions: attr.int(1) }, [floats([MILLION, 0]), ints(0)]],
  ['DynamicStitch', { N: attr.int(1) }, [ints(999), row]],
  ['ParallelDynamicStitch', { N: attr.int(1) }, [ints(MILLION), floats([1])]],
  ['RaggedTensorToSparse', {}, [ints(0, 1), floats([MILLION, 0])]],
  ['InTopKV2', {}, [floats([MILLION, 0]), ints(0), ints(1)]],
  ['Roll', {}, [floats([MILLION, 0]), ints(0), ints(0)]],
  ['SparseToDense', {}, [floats([0, 2]), ints(1_000, 1_000), floats([0]), floats([])]],
  ['SparseReduceSum', {}, [floats([0, 2]), floats([0]), ints(1_000, 1_000), ints(0)]],
  ['SparseReshape', {}, [floats([MILLION, 0]), ints(), ints(1)]],
  ['SparseFillEmptyRows', {}, [floats([0, 1]), floats([0]), ints(MILLION), floats([])]],
  ['SparseTensorDenseMatMul', {}, [floats([0, 2]), floats([0]), ints(1_000, 1), row]],
  [
    'SparseTensorDenseMatMul',
    { adjoint_a: attr.bool(true), adjoint_b: attr.bool(true) },
    [floats([0, 2]), floats([0]), ints(1, 1_000), column],
  ],
  ['ParseSequenceExampleV2', {}, [texts([1], ['a'.repeat(100_000)])]],
  [
    'ParseSequenceExampleV2',
    { feature_list_dense_shapes: attr.shapes([[1]]) },
    [texts([1_000], ['a'.repeat(1_000), ...Array(999).fill('')])],
  ],
  [
    'ParseSequenceExampleV2',
    { context_dense_shapes: attr.shapes([[1_000]]) },
    [texts([1_000], Array(1_000).fill(''))],
  ],
  ...['ParseExample', 'ParseExampleV2', 'ParseSingleExample'].flatMap(
    (op): [string, NodeDef['attrs'], Value[]][] => [
      [op, {}, [texts([1], ['a'.repeat(100_000)])]],
      [op, { dense_shapes: attr.shapes([[1_000]]) }, [texts([1_000], Array(1_000).fill(''))]],
      [
        op,
        { dense_shapes: attr.shapes([[-1]]) },
        [texts([1_000], ['a'.repeat(1_000), ...Array(999).fill('')])],
      ],
      [
        op,
        { Tdense: attr.types(Array(1_000).fill('DT_FLOAT')) },
        [texts([1_000], Array(1_000).fill(''))],
      ],
    ],
  ),
  [
    'StringNGrams',
    {
      ngram_widths: attr.ints(Array.from({ length: 1_500 }, (_, width) => width + 1)),
      separator: attr.string(' '),
    },
    [texts([1], ['a']), ints(0, 1)],
  ],
  [
    'StringNGrams',
    { ngram_widths: attr.ints([100]), pad_width: attr.int(-1), separator: attr.string(' ') },
    [texts([1], ['a']), ints(...new Int32Array(10))],
  ],
  ['ReduceJoin', {}, [texts([10_000, 0], []), ints(1)]],
  ['StringToHashBucketStrong', {}, [texts([1], ['a'.repeat(20_000)])]],
  [
    'StaticRegexReplace',
    { pattern: attr.string('(a)'), rewrite: attr.string('b'.repeat(1_000)) },
    [texts([1], ['a'.repeat(500)])],
  ],
  ['RegexFullMatch', {}, [texts([1], ['a'.repeat(500)]), texts([], ['(?:a{100}){9}(b)'])]],
  ['SparseCross', { N: attr.int(0) }, [floats([1, 20]), floats([1, 20])]],
  ['StringSplit', {}, [texts([1], [','.repeat(10_000)]), texts([], [','])]],
])('%s costs as much as it makes, however small its operands are', (op, attrs, operands) => {
  const ns = costOf({ name: 'y', op, inputs: [], attrs })(operands)

  expect(ns).toBeGreaterThanOrEqual(MILLION)
  expect(ns).toBeLessThan(1_000 * MILLION)
})

test('what moves nothing is free, however large', () => {
  const reshape = costOf({ name: 'y', op: 'Reshape', inputs: [], attrs: {} })

  expect(reshape([floats([1_000, 1_000]), ints(-1)])).toBe(0)
})
