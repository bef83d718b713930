// Which element types the ports of a node have.

import { examplePorts } from './example-types.ts'
import type { NodeDef } from './graph.ts'
import { intOf, typeOf, typesOf, untranslatable } from './node-attrs.ts'
import { BRANCH_INDEX, BRANCH_OUTPUT, LOOP, LOOP_VARIABLES } from './scopes.ts'
import type { ValueType } from './values.ts'

const TRUTHS = [
  'All',
  'ApproximateEqual',
  'Any',
  'Equal',
  'Greater',
  'GreaterEqual',
  'IsFinite',
  'IsInf',
  'IsNan',
  'Less',
  'LessEqual',
  'LogicalAnd',
  'LogicalNot',
  'LogicalOr',
  'NotEqual',
  'RegexFullMatch',
  'StaticRegexFullMatch',
]
const TEXTS = [
  'AsString',
  'DecodeBase64',
  'EncodeBase64',
  'ReduceJoin',
  'RegexReplace',
  'StaticRegexReplace',
  'StringJoin',
  'StringLower',
  'StringStrip',
  'StringUpper',
  'Substr',
  'UnicodeEncode',
  'UnicodeTranscode',
]
/** Operations whose type has a name of its own among the attributes, with TensorFlow's default. */
const NAMED: Readonly<Record<string, [attribute: string, fallback?: ValueType]>> = {
  ArgMax: ['output_type', 'DT_INT64'],
  ArgMin: ['output_type', 'DT_INT64'],
  Cast: ['DstT'],
  Const: ['dtype'],
  GatherNd: ['Tparams'],
  GatherV2: ['Tparams'],
  LRN: ['T', 'DT_FLOAT'],
  LookupTableFindV2: ['Tout'],
  LowerBound: ['out_type', 'DT_INT32'],
  MaxPool: ['T', 'DT_FLOAT'],
  Placeholder: ['dtype'],
  PlaceholderWithDefault: ['dtype'],
  Range: ['Tidx', 'DT_INT32'],
  Shape: ['out_type', 'DT_INT32'],
  Size: ['out_type', 'DT_INT32'],
  TensorListFromTensor: ['element_dtype'],
  TensorListGetItem: ['element_dtype'],
  TensorListStack: ['element_dtype'],
  StringToNumber: ['out_type', 'DT_FLOAT'],
  UpperBound: ['out_type', 'DT_INT32'],
}

/** What TensorFlow takes `T` for where it is left out, of operations that may leave it out. */
const DEFAULTS: Readonly<Record<string, ValueType>> = {
  BroadcastArgs: 'DT_INT32',
  InvertPermutation: 'DT_INT32',
  LeakyRelu: 'DT_FLOAT',
}

/** More outputs than any program makes of a tensor. */
const PORTS_MAX = 100_000

function several(node: NodeDef, count: string): ValueType[] {
  const length = intOf(node, count)
  if (length > PORTS_MAX) throw untranslatable(node, `it has over ${PORTS_MAX} outputs`)
  return Array.from({ length }, () => typeOf(node, 'T'))
}

/** What a batch is normalised to is of one type, and the numbers by which that is done are of another. */
const normalised =
  (wide: string) =>
  (node: NodeDef): ValueType[] => [
    typeOf(node, 'T'),
    ...Array.from({ length: 5 }, () => typeOf(node, wide)),
  ]

const found = (node: NodeDef): ValueType[] => [
  typeOf(node, 'T'),
  typeOf(node, 'out_idx', 'DT_INT32'),
]
const counted = (node: NodeDef): ValueType[] => [
  ...found(node),
  typeOf(node, 'out_idx', 'DT_INT32'),
]

/** Operations with several ports, or of one type whatever their attributes are. */
const PORTS: Readonly<Record<string, (node: NodeDef) => ValueType[]>> = {
  ...Object.fromEntries(TRUTHS.map((op) => [op, () => ['DT_BOOL']])),
  ...Object.fromEntries(TEXTS.map((op) => [op, () => ['DT_STRING']])),
  Assert: () => [],
  ...examplePorts,
  [BRANCH_INDEX]: () => ['DT_INT32'],
  [BRANCH_OUTPUT]: (node) => typesOf(node, 'T'),
  [LOOP]: (node) => typesOf(node, 'T'),
  [LOOP_VARIABLES]: (node) => typesOf(node, 'T'),
  BroadcastGradientArgs: (node) => {
    const type = typeOf(node, 'T', 'DT_INT32')
    return [type, type]
  },
  Bucketize: () => ['DT_INT32'],
  DynamicPartition: (node) => several(node, 'num_partitions'),
  FusedBatchNorm: normalised('T'),
  FusedBatchNormV2: normalised('U'),
  FusedBatchNormV3: normalised('U'),
  IdentityN: (node) => typesOf(node, 'T'),
  InTopKV2: () => ['DT_BOOL'],
  RaggedGather: (node) => [
    ...Array.from({ length: intOf(node, 'OUTPUT_RAGGED_RANK') }, () =>
      typeOf(node, 'Tsplits', 'DT_INT64'),
    ),
    typeOf(node, 'Tvalues'),
  ],
  RaggedRange: (node) => [typeOf(node, 'Tsplits', 'DT_INT64'), typeOf(node, 'T', 'DT_INT32')],
  RaggedTensorToSparse: (node) => ['DT_INT64', typeOf(node, 'T'), 'DT_INT64'],
  Rank: () => ['DT_INT32'],
  ResizeBilinear: () => ['DT_FLOAT'],
  SparseFillEmptyRows: (node) => ['DT_INT64', typeOf(node, 'T'), 'DT_BOOL', 'DT_INT64'],
  SparseReshape: () => ['DT_INT64', 'DT_INT64'],
  Split: (node) => several(node, 'num_split'),
  SplitV: (node) => several(node, 'num_split'),
  StringNGrams: (node) => ['DT_STRING', typeOf(node, 'Tsplits', 'DT_INT64')],
  SparseCross: (node) => ['DT_INT64', typeOf(node, 'out_type'), 'DT_INT64'],
  StringSplit: () => ['DT_INT64', 'DT_STRING', 'DT_INT64'],
  StringSplitV2: () => ['DT_INT64', 'DT_STRING', 'DT_INT64'],
  StringLength: () => ['DT_INT32'],
  StringToHashBucket: () => ['DT_INT64'],
  StringToHashBucketFast: () => ['DT_INT64'],
  StringToHashBucketStrong: () => ['DT_INT64'],
  TopKV2: (node) => [typeOf(node, 'T'), typeOf(node, 'index_type', 'DT_INT32')],
  UnicodeDecode: (node) => [typeOf(node, 'Tsplits', 'DT_INT64'), 'DT_INT32'],
  UnicodeDecodeWithOffsets: (node) => [typeOf(node, 'Tsplits', 'DT_INT64'), 'DT_INT32', 'DT_INT64'],
  UnicodeScript: () => ['DT_INT32'],
  Unique: found,
  UniqueV2: found,
  UniqueWithCounts: counted,
  UniqueWithCountsV2: counted,
  Unpack: (node) => several(node, 'num'),
  Where: () => ['DT_INT64'],
}

/** The element types of a node's ports, in order. Throws UNTRANSLATABLE when they cannot be told. */
export function portTypes(node: NodeDef): ValueType[] {
  const { op } = node
  const ports = Object.hasOwn(PORTS, op) ? PORTS[op] : undefined
  if (ports !== undefined) return ports(node)
  const named = Object.hasOwn(NAMED, op) ? NAMED[op] : undefined
  if (named !== undefined) return [typeOf(node, ...named)]
  const fallback = Object.hasOwn(DEFAULTS, op) ? DEFAULTS[op] : undefined
  if (!Object.hasOwn(node.attrs, 'T') && fallback === undefined)
    throw untranslatable(node, 'it has no translation')
  return [typeOf(node, 'T', fallback)]
}
