// Which element types the ports of a node have.

import type { NodeDef } from './graph.ts'
import { intOf, typeOf, typesOf, untranslatable } from './node-attrs.ts'
import type { ValueType } from './values.ts'

const TRUTHS = new Set([
  'All',
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
])
const TEXTS = new Set(['StaticRegexReplace', 'StringJoin', 'StringLower'])
const FIXED: Readonly<Record<string, readonly ValueType[]>> = {
  Rank: ['DT_INT32'],
  ResizeBilinear: ['DT_FLOAT'],
  StringSplitV2: ['DT_INT64', 'DT_STRING', 'DT_INT64'],
  StringToHashBucketFast: ['DT_INT64'],
}

/** What a batch is normalised to is of one type, and the numbers by which that is done are of another. */
const normalised =
  (wide: string) =>
  (node: NodeDef): ValueType[] => [
    typeOf(node, 'T'),
    ...Array.from({ length: 5 }, () => typeOf(node, wide)),
  ]
const repeated =
  (count: string) =>
  (node: NodeDef): ValueType[] =>
    Array.from({ length: intOf(node, count) }, () => typeOf(node, 'T'))
/** Operations of several ports. */
const LISTED: Readonly<Record<string, (node: NodeDef) => ValueType[]>> = {
  FusedBatchNorm: normalised('T'),
  FusedBatchNormV2: normalised('U'),
  FusedBatchNormV3: normalised('U'),
  IdentityN: (node) => typesOf(node, 'T'),
  Split: repeated('num_split'),
  StringNGrams: (node) => ['DT_STRING', typeOf(node, 'Tsplits', 'DT_INT64')],
  Unpack: repeated('num'),
}

/** Operations whose type has a name of its own among the attributes, with TensorFlow's default. */
const NAMED: Readonly<Record<string, [attribute: string, fallback?: ValueType]>> = {
  ArgMax: ['output_type', 'DT_INT64'],
  ArgMin: ['output_type', 'DT_INT64'],
  Cast: ['DstT'],
  Const: ['dtype'],
  GatherV2: ['Tparams'],
  LRN: ['T', 'DT_FLOAT'],
  LowerBound: ['out_type', 'DT_INT32'],
  MaxPool: ['T', 'DT_FLOAT'],
  Placeholder: ['dtype'],
  PlaceholderWithDefault: ['dtype'],
  Range: ['Tidx', 'DT_INT32'],
  Shape: ['out_type', 'DT_INT32'],
  Size: ['out_type', 'DT_INT32'],
  UpperBound: ['out_type', 'DT_INT32'],
}

/** The element types of a node's ports, in order. Throws UNTRANSLATABLE when they cannot be told. */
export function portTypes(node: NodeDef): ValueType[] {
  const { op } = node
  if (TRUTHS.has(op)) return ['DT_BOOL']
  if (TEXTS.has(op)) return ['DT_STRING']
  const fixed = Object.hasOwn(FIXED, op) ? FIXED[op] : undefined
  if (fixed !== undefined) return [...fixed]
  const listed = Object.hasOwn(LISTED, op) ? LISTED[op] : undefined
  if (listed !== undefined) return listed(node)
  const named = Object.hasOwn(NAMED, op) ? NAMED[op] : undefined
  if (named !== undefined) return [typeOf(node, ...named)]
  if (!Object.hasOwn(node.attrs, 'T')) throw untranslatable(node, 'it has no translation')
  return [typeOf(node, 'T')]
}
