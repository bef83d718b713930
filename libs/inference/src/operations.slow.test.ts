// Each operation on its own, against TensorFlow: models with a signature for each case.

import { attr, GraphBuilder, readSavedModel, translate } from '@drover/saved-model'
import { strict as assert } from 'node:assert'
import { compareAnswers, type SignatureDef, TOLERANCE } from '@drover/serving-api'
import { beforeAll, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { partsOf } from './sample-faults.ts'
import { addInts, info, modelBytes } from './sample-models.ts'
import { cases } from './sample-operations.ts'
import type { Case } from './sample-slices.ts'
import { attrsOf, forKernels, hasKernels, inputsOf, nameOf } from './sample-single.ts'
import type { Servable } from './servable.ts'

type Signatures = Record<string, Pick<SignatureDef, 'inputs' | 'outputs'>>

function model(part: readonly (readonly [name: string, each: Case])[]): Uint8Array {
  const builder = new GraphBuilder()
  const signatures: Signatures = {}
  addInts(builder, { zero: 0, one: 1 })
  for (const [name, each] of part) {
    const inputs: Signatures[string]['inputs'] = {}
    const operands = each.operands.map((operand, at) => {
      const node = `${name}/x${at}`
      if ('constant' in operand) return builder.constant(node, operand.constant)
      Object.assign(inputs, { [`x${at}`]: info(`${node}:0`, operand.dtype, operand.shape) })
      return builder.add('Placeholder', node, [], { dtype: attr.type(operand.dtype) })
    })
    const y = builder.add(each.op, `${name}/y`, operands, attrsOf(each))
    signatures[name] = { inputs, outputs: { y: info(`${y}:${each.port}`, each.type, 'unknown') } }
    addForced(builder, { name, each, inputs, signatures })
  }
  return modelBytes(builder, signatures)
}

/** The same once more, followed by an operation that only TypeScript runs: so it runs there, too. */
function addForced(
  builder: GraphBuilder,
  {
    name,
    each,
    inputs,
    signatures,
  }: { name: string; each: Case; inputs: Signatures[string]['inputs']; signatures: Signatures },
): void {
  const { type, port } = each
  if (type === 'DT_STRING') return
  const y = `${name}/y:${port}`
  const isTruth = type === 'DT_BOOL'
  const numbers = isTruth
    ? builder.add('Cast', `${name}/numbers`, [y], {
        SrcT: attr.type('DT_BOOL'),
        DstT: attr.type('DT_INT32'),
      })
    : y
  const summed = isTruth ? 'DT_INT32' : type
  builder.add('UnsortedSegmentSum', `${name}/z`, [numbers, 'zero', 'one'], {
    T: attr.type(summed),
    Tindices: attr.type('DT_INT32'),
    Tnumsegments: attr.type('DT_INT32'),
  })
  signatures[`${name}/forced`] = { inputs, outputs: { z: info(`${name}/z:0`, summed, 'unknown') } }
}

/** Each case has two signatures, and a model no more than 1000. */
const parts = partsOf(
  cases.map((each, index) => [nameOf(each, index), each] as const),
  400,
).map((part) => {
  const bytes = model(part)
  return { bytes, whole: readSavedModel(bytes) }
})
const partOf = (name: string) => parts.find(({ whole }) => Object.hasOwn(whole.signatures, name))
const isCompiled = (name: string): boolean => {
  const part = partOf(name)
  return part !== undefined && hasKernels(part.whole, name)
}

const { tensorflow, folder } = await startAround()
const engines: Record<'truths' | 'onnx' | 'kernel', Servable>[] = []

beforeAll(async () => {
  for (const { bytes } of parts) {
    const directory = await folder.add(bytes)
    engines.push({
      truths: await loadServable(directory, { engine: 'tensorflow', tensorflow }),
      onnx: await loadServable(directory, { engine: 'onnx', tensorflow }),
      kernel: await loadServable(await folder.add(forKernels(bytes)), { engine: 'fast' }),
    })
  }
})

function enginesOf(name: string) {
  const found = engines[parts.findIndex((part) => part === partOf(name))]
  assert(found !== undefined, `${name} is in no part`)
  return found
}

test.each(cases.map((each, index) => [nameOf(each, index), each] as const))(
  '%s gives what TensorFlow gives, by ONNX and by our kernels',
  async (name, each) => {
    const { truths, onnx, kernel } = enginesOf(name)
    const forced = each.type === 'DT_STRING' ? [] : [`${name}/forced`]
    for (const signature of [name, ...forced]) {
      const inputs = inputsOf(each)
      const expected = await truths.run(signature, inputs)
      const answers = {
        onnx: await onnx.run(signature, inputs),
        ...(isCompiled(signature) && { kernel: await kernel.run(signature, inputs) }),
      }

      for (const [engine, answer] of Object.entries(answers)) {
        const { agreement, reason } = compareAnswers(expected, answer, TOLERANCE.engines)
        expect(`${engine}, ${signature}: ${reason ?? agreement}`).toBe(
          `${engine}, ${signature}: agrees`,
        )
      }
    }
  },
)

test('kernels take all operations but those that are for ONNX alone, and those whose fed numbers say how large a tensor is', () => {
  const left = cases.flatMap((each, index) => (isCompiled(nameOf(each, index)) ? [] : [each.op]))

  expect(new Set(engines.map(({ kernel }) => kernel.engine))).toEqual(new Set(['kernel']))
  expect([...new Set(left)].toSorted()).toMatchInlineSnapshot(`
    [
      "BroadcastTo",
      "Einsum",
      "Fill",
      "FloorDiv",
      "FloorMod",
      "GatherV2",
      "InvertPermutation",
      "LinSpace",
      "MatrixBandPart",
      "MatrixDiagPartV3",
      "MatrixDiagV3",
      "Mod",
      "OneHot",
      "RaggedBincount",
      "RaggedTensorToTensor",
      "Range",
      "Reshape",
      "SparseFillEmptyRows",
      "SparseReduceSum",
      "SparseReshape",
      "SparseTensorDenseMatMul",
      "SparseToDense",
      "SplitV",
      "StringNGrams",
      "StringToNumber",
      "TensorScatterAdd",
      "TensorScatterMax",
      "TensorScatterMin",
      "TensorScatterUpdate",
      "Tile",
      "TruncateDiv",
      "TruncateMod",
    ]
  `)
})

test('what has a kernel does not leave TypeScript between text and text', () => {
  const signatures = Object.assign({}, ...parts.map(({ whole }) => translate(whole).signatures))
  const left = cases
    .map((each, index) => ({ op: each.op, name: `${nameOf(each, index)}/forced` }))
    .filter(({ name }) => signatures[name] !== undefined && signatures[name].model === undefined)
    .map(({ op }) => op)

  expect([...new Set(left)].toSorted()).toMatchInlineSnapshot(`
    [
      "Add",
      "AddV2",
      "ArgMax",
      "BitwiseAnd",
      "BitwiseOr",
      "BitwiseXor",
      "BroadcastArgs",
      "BroadcastTo",
      "Bucketize",
      "Cast",
      "ConcatV2",
      "Cumprod",
      "Cumsum",
      "DenseBincount",
      "Equal",
      "ExpandDims",
      "Fill",
      "FloorDiv",
      "FloorMod",
      "GatherNd",
      "GatherV2",
      "Greater",
      "GreaterEqual",
      "Identity",
      "IdentityN",
      "Invert",
      "InvertPermutation",
      "LeftShift",
      "Less",
      "LessEqual",
      "LogicalAnd",
      "LogicalNot",
      "LogicalOr",
      "LowerBound",
      "Maximum",
      "Minimum",
      "Mod",
      "Mul",
      "NotEqual",
      "OnesLike",
      "Pack",
      "Pow",
      "RaggedBincount",
      "RaggedTensorToTensor",
      "Range",
      "Reshape",
      "ReverseV2",
      "RightShift",
      "ScatterNd",
      "SelectV2",
      "Selu",
      "Shape",
      "Size",
      "Slice",
      "Snapshot",
      "SparseFillEmptyRows",
      "SparseReduceSum",
      "SparseReshape",
      "SparseTensorDenseMatMul",
      "SparseToDense",
      "SplitV",
      "Squeeze",
      "StaticRegexFullMatch",
      "StridedSlice",
      "StringLength",
      "StringSplitV2",
      "StringToNumber",
      "Sub",
      "TopKV2",
      "TruncateDiv",
      "TruncateMod",
      "UnsortedSegmentSum",
      "UpperBound",
      "Where",
      "ZerosLike",
    ]
  `)
})
