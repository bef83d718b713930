// What kernels cost. An operation whose kernel has a file of its own may have its row there, in a table
// that is spread into the one below.

import type { NodeDef } from '../graph.ts'
import { floatsOf, intOf } from '../node-attrs.ts'
import { BRANCH_INDEX, BRANCH_OUTPUT } from '../scopes.ts'
import {
  all,
  type Cost,
  divided,
  each,
  ELEMENT_NS,
  elementsOf,
  elementwise,
  filled,
  free,
  gathered,
  gatheredNd,
  integersAt,
  joined,
  looked,
  LOOKUP_FACTOR,
  MOVED_NS,
  MULTIPLY_ADDS_PER_NS,
  ordered,
  padded,
  product,
  rangeLength,
  reduced,
  segmentsLength,
  shapeAt,
  sized,
} from './cost-parts.ts'
import { asStringCosts } from './as-string.ts'
import { crossCosts } from './crosses.ts'
import { gradientCosts } from './gradients.ts'
import { hashCosts } from './hashes.ts'
import { ngramCosts } from './ngrams.ts'
import { partitionCosts } from './partitions.ts'
import { regexCosts } from './regex-ops.ts'
import { splittingCosts } from './splitting.ts'
import { textPieceCosts } from './text-pieces.ts'
import { exampleCosts } from './example-costs.ts'
import { segmentCosts } from './segment-costs.ts'
import { sparseCosts } from './sparse-costs.ts'
import { toNumberCosts } from './to-number.ts'
import { unicodeCosts } from './unicode.ts'

/** By TensorFlow's names; what is not here works element by element. */
const costs: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  ...asStringCosts,
  ...crossCosts,
  ...gradientCosts,
  ...hashCosts,
  ...ngramCosts,
  ...partitionCosts,
  ...regexCosts,
  ...splittingCosts,
  ...textPieceCosts,
  ...toNumberCosts,
  ...unicodeCosts,
  ...each(
    () => free,
    [
      'ExpandDims',
      'Identity',
      'IdentityN',
      'PlaceholderWithDefault',
      'Rank',
      'Reshape',
      'Shape',
      'Size',
    ],
  ),
  ...each(
    () => free,
    ['Assert', BRANCH_INDEX, BRANCH_OUTPUT, 'Snapshot', 'Squeeze', 'StopGradient'],
  ),
  ...each(() => all, ['ArgMax', 'ArgMin', 'Cumprod', 'Cumsum', 'L2Loss', 'LogSoftmax', 'Softmax']),
  ...each(() => all, ['ReverseV2', 'Slice', 'StridedSlice']),
  ...each(() => reduced, ['All', 'Any', 'Max', 'Mean', 'Min', 'Prod', 'Sum']),
  ...each(product, ['BatchMatMulV2', 'MatMul']),
  ...each(() => looked, ['LowerBound', 'UpperBound']),
  ...exampleCosts,
  ...segmentCosts,
  ...sparseCosts,
  BroadcastArgs: () => all,
  BroadcastTo: () => sized((inputs) => filled(integersAt(inputs, 1))),
  Bucketize: (node) => (inputs) =>
    elementsOf(inputs) * ELEMENT_NS * (2 + Math.log2(1 + floatsOf(node, 'boundaries').length)),
  ConcatV2: () => joined((inputs) => integersAt(inputs, inputs.length - 1)[0] ?? 0),
  DenseBincount: () =>
    sized((inputs) => filled([...shapeAt(inputs, 0).slice(0, -1), integersAt(inputs, 1)[0] ?? 1])),
  RaggedBincount: () =>
    sized((inputs) => filled(shapeAt(inputs, 0)) * (integersAt(inputs, 2)[0] ?? 1)),
  RaggedTensorToTensor: () => sized(padded),
  Fill: () => sized((inputs) => filled(integersAt(inputs, 0))),
  GatherV2: () => gathered,
  OneHot: () => sized((inputs) => filled([...shapeAt(inputs, 0), integersAt(inputs, 1)[0] ?? 1])),
  GatherNd: () => gatheredNd,
  InvertPermutation: () => all,
  // The keys are taken in once. A long text is gone through once and no more.
  LookupTableFindV2: () => (inputs) => {
    const asked = inputs.slice(2, 3)
    return all(asked) + elementsOf(asked) * ELEMENT_NS * LOOKUP_FACTOR
  },
  // The pieces are joined along an axis that they do not have yet.
  Pack: (node) => joined(() => intOf(node, 'axis', 0)),
  Range: () => sized(rangeLength),
  ScatterNd: () => sized((inputs) => filled(integersAt(inputs, 2)), MOVED_NS),
  Split: (node) => divided(node, 'num_split'),
  SplitV: (node) => divided(node, 'num_split'),
  Tile: () => sized((inputs) => filled(shapeAt(inputs, 0)) * filled(integersAt(inputs, 1))),
  TopKV2: () => ordered,
  Transpose: () => (inputs) => 2 * all(inputs),
  Unpack: (node) => divided(node, 'num'),
  // Each place is as many numbers as there are dimensions.
  Where: () => (inputs) => all(inputs) * (1 + shapeAt(inputs, 0).length),
  UnsortedSegmentSum: () => sized(segmentsLength, MOVED_NS),
}

const READING: ReadonlySet<string> = new Set(
  [
    'DecodeBase64 EncodeBase64 ReduceJoin RegexFullMatch RegexReplace SparseCross StaticRegexFullMatch StaticRegexReplace StringJoin',
    'StringLength StringLower StringNGrams StringSplit StringSplitV2 StringStrip StringToHashBucket',
    'StringToHashBucketFast StringToHashBucketStrong StringToNumber StringUpper Substr',
    'ParseExample ParseExampleV2 ParseSingleExample ParseSequenceExampleV2',
    'UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode UnicodeTranscode',
  ].flatMap((ops) => ops.split(' ')),
)

/** Whether an operation costs more for longer texts, and may make them longer. */
export const readsCharacters = (op: string): boolean => READING.has(op)

/** What a node costs; its attributes are read once. */
export const costOf = (node: NodeDef): Cost =>
  (Object.hasOwn(costs, node.op) && costs[node.op]?.(node)) || elementwise(node.op)

/** What dense layers cost a row. */
export const layersNs = (layers: readonly { inputs: number; outputs: number }[]): number =>
  layers.reduce(
    (sum, { inputs, outputs }) => sum + (inputs * outputs) / MULTIPLY_ADDS_PER_NS + outputs,
    0,
  )
