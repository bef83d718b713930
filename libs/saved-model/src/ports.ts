// Where the outputs of a node begin that has several by name: functions name them, graphs number them.

import type { NodeDef } from './graph.ts'
import { untranslatable } from './node-attrs.ts'

/** The outputs of operations in order; of a list, with the attribute that tells its length. */
const OUTPUTS: Readonly<
  Record<string, readonly (string | readonly [name: string, length: string])[]>
> = {
  BroadcastGradientArgs: ['r0', 'r1'],
  DenseCountSparseOutput: ['output_indices', 'output_values', 'output_dense_shape'],
  FusedBatchNorm: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV2: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV3: [
    'y',
    'batch_mean',
    'batch_variance',
    'reserve_space_1',
    'reserve_space_2',
    'reserve_space_3',
  ],
  ListDiff: ['out', 'idx'],
  LookupTableExportV2: ['keys', 'values'],
  MaxPoolWithArgmax: ['output', 'argmax'],
  Merge: ['output', 'value_index'],
  NonMaxSuppressionV4: ['selected_indices', 'valid_outputs'],
  NonMaxSuppressionV5: ['selected_indices', 'selected_scores', 'valid_outputs'],
  ParseExample: [
    ['sparse_indices', 'sparse_types'],
    ['sparse_values', 'sparse_types'],
    ['sparse_shapes', 'sparse_types'],
    ['dense_values', 'Tdense'],
  ],
  ParseExampleV2: [
    ['sparse_indices', 'sparse_types'],
    ['sparse_values', 'sparse_types'],
    ['sparse_shapes', 'sparse_types'],
    ['dense_values', 'Tdense'],
    ['ragged_values', 'ragged_value_types'],
    ['ragged_row_splits', 'ragged_split_types'],
  ],
  ParseSequenceExampleV2: [
    ['context_sparse_indices', 'context_sparse_types'],
    ['context_sparse_values', 'context_sparse_types'],
    ['context_sparse_shapes', 'context_sparse_types'],
    ['context_dense_values', 'Tcontext_dense'],
    ['context_ragged_values', 'context_ragged_value_types'],
    ['context_ragged_row_splits', 'context_ragged_split_types'],
    ['feature_list_sparse_indices', 'feature_list_sparse_types'],
    ['feature_list_sparse_values', 'feature_list_sparse_types'],
    ['feature_list_sparse_shapes', 'feature_list_sparse_types'],
    ['feature_list_dense_values', 'feature_list_dense_types'],
    ['feature_list_dense_lengths', 'feature_list_dense_types'],
    ['feature_list_ragged_values', 'feature_list_ragged_value_types'],
    ['feature_list_ragged_outer_splits', 'feature_list_ragged_split_types'],
    ['feature_list_ragged_inner_splits', 'feature_list_ragged_split_types'],
  ],
  ParseSingleExample: [
    ['sparse_indices', 'num_sparse'],
    ['sparse_values', 'sparse_types'],
    ['sparse_shapes', 'num_sparse'],
    ['dense_values', 'Tdense'],
  ],
  RaggedGather: [['output_nested_splits', 'OUTPUT_RAGGED_RANK'], 'output_dense_values'],
  RaggedRange: ['rt_nested_splits', 'rt_dense_values'],
  RaggedTensorToSparse: ['sparse_indices', 'sparse_values', 'sparse_dense_shape'],
  SparseConcat: ['output_indices', 'output_values', 'output_shape'],
  SparseCross: ['output_indices', 'output_values', 'output_shape'],
  SparseFillEmptyRows: [
    'output_indices',
    'output_values',
    'empty_row_indicator',
    'reverse_index_map',
  ],
  SparseReshape: ['output_indices', 'output_shape'],
  SparseSlice: ['output_indices', 'output_values', 'output_shape'],
  StringNGrams: ['ngrams', 'ngrams_splits'],
  StringSplit: ['indices', 'values', 'shape'],
  StringSplitV2: ['indices', 'values', 'shape'],
  Switch: ['output_false', 'output_true'],
  TopK: ['values', 'indices'],
  TopKV2: ['values', 'indices'],
  UnicodeDecode: ['row_splits', 'char_values'],
  UnicodeDecodeWithOffsets: ['row_splits', 'char_values', 'char_to_byte_starts'],
  Unique: ['y', 'idx'],
  UniqueV2: ['y', 'idx'],
  UniqueWithCounts: ['y', 'idx', 'count'],
  UniqueWithCountsV2: ['y', 'idx', 'count'],
}

/** The port at which a node's output of this name begins. One that is not listed has one output. */
export function portOfOutput(node: NodeDef, output: string): number {
  const outputs = Object.hasOwn(OUTPUTS, node.op) ? OUTPUTS[node.op] : undefined
  if (outputs === undefined) return 0
  let port = 0
  for (const each of outputs) {
    const [name, length] = typeof each === 'string' ? [each] : each
    if (name === output) return port
    port += length === undefined ? 1 : lengthOf(node, length)
  }
  throw untranslatable(node, `it has no output ${output}`)
}

function lengthOf(node: NodeDef, name: string): number {
  const attr = node.attrs[name]
  if (attr?.kind === 'int') return Number(attr.value)
  // Of this one the empty lists are left out.
  if (attr === undefined && node.op === 'ParseSequenceExampleV2') return 0
  // An empty list says nothing of the kind of its elements.
  if (attr?.kind === 'types' || attr?.kind === 'ints') return attr.value.length
  throw untranslatable(node, `the attribute ${name} does not tell how many outputs it has`)
}
