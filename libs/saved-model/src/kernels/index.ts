import { arrangeKernels } from './arrange.ts'
import { asStringKernels } from './as-string.ts'
import { assertionKernels } from './assertions.ts'
import { base64Kernels } from './base64.ts'
import { branchKernels } from './branches.ts'
import { choosingKernels } from './chosen.ts'
import { countKernels } from './counts.ts'
import { crossKernels } from './crosses.ts'
import { elementwiseKernels } from './elementwise.ts'
import { exampleKernels } from './examples.ts'
import { functionKernels, lossKernels } from './functions.ts'
import { gradientKernels } from './gradients.ts'
import { hashKernels } from './hashes.ts'
import { integerKernels } from './integers.ts'
import type { Kernel } from './kernel.ts'
import { narrowKernels } from './narrow.ts'
import { ngramKernels } from './ngrams.ts'
import { numberKernels } from './numbers.ts'
import { partitionKernels } from './partitions.ts'
import { placeKernels } from './places.ts'
import { productKernels } from './products.ts'
import { raggedPartKernels } from './ragged-parts.ts'
import { raggedKernels } from './ragged.ts'
import { reductionKernels } from './reductions.ts'
import { segmentReductionKernels } from './segment-reductions.ts'
import { regexKernels } from './regex-ops.ts'
import { segmentKernels } from './segments.ts'
import { sequenceExampleKernels } from './sequence-examples.ts'
import { shapeKernels } from './shapes.ts'
import { sliceKernels } from './slices.ts'
import { splittingKernels } from './splitting.ts'
import { sparseTensorKernels } from './sparse-tensors.ts'
import { stringKernels } from './strings.ts'
import { tableKernels } from './tables.ts'
import { textFormKernels } from './text-forms.ts'
import { textPieceKernels } from './text-pieces.ts'
import { toNumberKernels } from './to-number.ts'
import { unicodeKernels } from './unicode.ts'

const tableOf = (tables: readonly Readonly<Record<string, Kernel>>[]): Map<string, Kernel> =>
  new Map(tables.flatMap((table) => Object.entries(table)))

const aroundText = tableOf([
  asStringKernels,
  assertionKernels,
  base64Kernels,
  branchKernels,
  choosingKernels,
  countKernels,
  crossKernels,
  gradientKernels,
  hashKernels,
  exampleKernels,
  integerKernels,
  narrowKernels,
  ngramKernels,
  numberKernels,
  partitionKernels,
  placeKernels,
  raggedKernels,
  raggedPartKernels,
  regexKernels,
  segmentKernels,
  segmentReductionKernels,
  sequenceExampleKernels,
  shapeKernels,
  sliceKernels,
  splittingKernels,
  sparseTensorKernels,
  stringKernels,
  tableKernels,
  textFormKernels,
  textPieceKernels,
  toNumberKernels,
  unicodeKernels,
])
const ofNumbers = tableOf([
  arrangeKernels,
  elementwiseKernels,
  functionKernels,
  lossKernels,
  productKernels,
  reductionKernels,
])

/** What runs an operation in TypeScript, if anything does. */
export const kernelOf = (op: string): Kernel | undefined => aroundText.get(op) ?? ofNumbers.get(op)

/** The same for the operations that are run in TypeScript on the way to text, even where ONNX could. */
export const textKernelOf = (op: string): Kernel | undefined => aroundText.get(op)

export { type Cost, STEP_NS, textNs } from './cost-parts.ts'
export { costOf, layersNs, readsCharacters } from './costs.ts'
export { activations, LEAKY_ALPHA } from './elementwise.ts'
export type { Joint, Operand, Shape } from './joint.ts'
export { joints } from './joints.ts'
export type { Kernel, Run } from './kernel.ts'
export { narrowTypeOf } from './narrow.ts'
export { nonZeroIn } from './sparse.ts'
