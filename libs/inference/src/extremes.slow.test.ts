// Operations at their limits: what is infinite, no number, or empty is answered as TensorFlow answers it, and
// refused where TensorFlow refuses it. A fast engine may refuse more, where that is said here; it never gives
// another answer.

import { attr } from '@drover/saved-model'
import { floatTensor, sizeOf } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { extremes, imageExtremes } from './sample-extremes.ts'
import { faultsOf, partsOf } from './sample-faults.ts'
import { imageCases } from './sample-images.ts'
import { cases } from './sample-operations.ts'
import { answerOf, channelsKnown, inputsOf, nameOf, singleModel } from './sample-single.ts'
import { type Case, fixed } from './sample-slices.ts'
import { int32 } from './sample-tensors.ts'

/**
 * What is refused although TensorFlow answers. The order of what is no number, and how far it reaches in a
 * volume or over channels, depends there on sizes; a root of -Infinity on whether its exponent is constant; products of what does not fit, since one side is empty,
 * are nothing there.
 */
const MAY_REFUSE = new Set(['Einsum', 'LRN', 'MaxPool3D', 'Pow', 'TopKV2'])

const { tensorflow, folder } = await startAround()

/** A limit against what hangs: machines are shared. */
const TEST_MS_MAX = 300_000
const around = { folder, tensorflow, mayRefuse: (op: string) => MAY_REFUSE.has(op) }

test.each(partsOf(extremes(cases)).map((part, index) => [index, part] as const))(
  'numbers at their limits are what TensorFlow makes of them, part %i',
  async (_, part) => {
    expect(await faultsOf(part, singleModel(part), around)).toEqual([])
  },
  TEST_MS_MAX,
)

/** Two operands that do not go together; one of them must not end the process or be repeated. */
const joining = (op: string, shapes: readonly number[][], more: Case['operands'] = []): Case => ({
  op,
  operands: [
    ...shapes.map((shape) => floatTensor(Array<number>(sizeOf(shape)).fill(1), shape)),
    ...more,
  ],
  attrs: { T: attr.type('DT_FLOAT'), N: attr.int(shapes.length) },
  type: 'DT_FLOAT',
  port: 0,
})
const reducing = (op: string, axes: Case['operands'][number]): Case => ({
  ...joining(op, []),
  operands: [floatTensor([1, 2, 3, 4], [2, 2]), axes],
  attrs: { T: attr.type('DT_FLOAT'), Tidx: attr.type('DT_INT32') },
})
const misfits: Case[] = [
  ...[
    [[0], [2, 3]],
    [[2, 3], [0]],
    [
      [0, 3],
      [2, 2, 3],
    ],
  ].flatMap((shapes) =>
    [-1, 0].map((axis) => joining('ConcatV2', shapes, [fixed(int32([axis], []))])),
  ),
  joining('Pack', [[0], [2, 3]]),
  joining('AddN', [[1], [2, 3]]),
  joining('AddN', [[2], [2, 2]]),
  { ...joining('Where', [[]]), type: 'DT_INT64' },
  {
    ...joining('Slice', [[1, 3]], [fixed(int32([1, 0])), fixed(int32([1, 0]))]),
    attrs: { T: attr.type('DT_FLOAT'), Index: attr.type('DT_INT32') },
  },
  joining('TopKV2', [[0, 0]], [fixed(int32([1], []))]),
  ...[int32([0, 0]), int32([1, -1]), fixed(int32([1, -1]))].flatMap((axes) =>
    ['Sum', 'Max', 'Mean'].map((op) => reducing(op, axes)),
  ),
  {
    ...joining('LinSpace', []),
    operands: [...['a', 'b'].map(() => floatTensor([1], [])), int32([0], [])],
    attrs: { T: attr.type('DT_FLOAT'), Tidx: attr.type('DT_INT32') },
  },
  {
    ...joining('Split', []),
    operands: [fixed(int32([0], [])), floatTensor([1, 2, 3])],
    attrs: { T: attr.type('DT_FLOAT'), num_split: attr.int(2) },
  },
]

test.each(misfits.map((each, index) => [nameOf(each, index), each] as const))(
  '%s refuses what does not go together, and goes on',
  async (_, each) => {
    const directory = await folder.add(singleModel([each], ({ shape }) => shape.map(() => -1)))

    for (const engine of ['onnx', 'fast', 'tensorflow'] as const) {
      const servable = await loadServable(directory, { engine, tensorflow })
      expect(await answerOf(servable, nameOf(each, 0), inputsOf(each))).toBeUndefined()
      await servable.close()
    }
  },
)

test.each(partsOf(imageExtremes(imageCases)).map((part, index) => [index, part] as const))(
  'images of such numbers, and of nothing, are what TensorFlow makes of them, part %i',
  async (_, part) => {
    const bytes = singleModel(part, (operand, at) =>
      at === 1 ? operand.shape : channelsKnown(operand),
    )

    expect(await faultsOf(part, bytes, around)).toEqual([])
  },
  TEST_MS_MAX,
)
