// Which element types the ports of a node have.

import type { NodeDef } from './graph.ts'
import { intOf, typeOf, untranslatable } from './node-attrs.ts'
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
/** Operations whose type has a name of its own among the attributes, with TensorFlow's default. */
const NAMED: Readonly<Record<string, [attribute: string, fallback?: ValueType]>> = {
  ArgMax: ['output_type', 'DT_INT64'],
  ArgMin: ['output_type', 'DT_INT64'],
  Cast: ['DstT'],
  Const: ['dtype'],
  GatherV2: ['Tparams'],
  LowerBound: ['out_type', 'DT_INT32'],
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
  switch (op) {
    case 'Rank':
      return ['DT_INT32']
    case 'StringSplitV2':
      return ['DT_INT64', 'DT_STRING', 'DT_INT64']
    case 'StringNGrams':
      return ['DT_STRING', typeOf(node, 'Tsplits', 'DT_INT64')]
    case 'StringToHashBucketFast':
      return ['DT_INT64']
    case 'Split':
      return Array.from({ length: intOf(node, 'num_split') }, () => typeOf(node, 'T'))
    case 'Unpack':
      return Array.from({ length: intOf(node, 'num') }, () => typeOf(node, 'T'))
    default:
  }
  const named = Object.hasOwn(NAMED, op) ? NAMED[op] : undefined
  if (named !== undefined) return [typeOf(node, ...named)]
  if (!Object.hasOwn(node.attrs, 'T')) throw untranslatable(node, 'it has no translation')
  return [typeOf(node, 'T')]
}
