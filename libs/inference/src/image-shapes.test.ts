// Images of all kinds of sizes, also such as no image has: the fast engine answers what TensorFlow
// answers and fails where TensorFlow fails. What comes out empty it may refuse, and what no model means.

import { attr, type Attr, GraphBuilder } from '@drover/saved-model'
import { floatTensor, type SignatureDef, sizeOf, type Tensor } from '@drover/serving-api'
import { beforeAll, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { info, modelBytes } from './sample-models.ts'
import { answerOf, differenceOf } from './sample-single.ts'
import { int32 } from './sample-tensors.ts'
import type { Servable } from './servable.ts'

const T = attr.type('DT_FLOAT')
const counted = (shape: readonly number[]): Tensor =>
  floatTensor(
    Array.from({ length: sizeOf(shape) }, (_, index) => Math.cos(index)),
    [...shape],
  )

const two = { strides: attr.ints([1, 2, 2, 1]) }
const windows = { ...two, ksize: attr.ints([1, 3, 3, 1]) }
const VALID = { padding: attr.string('VALID') }
const SAME = { padding: attr.string('SAME') }
const filter = counted([3, 3, 2, 2])
const pairs = int32([1, 1, 0, 1], [2, 2])

/** Operations with what they take besides an image, each as a signature; null stands for the image. */
const operations: readonly [
  name: string,
  op: string,
  rest: (Tensor | null)[],
  attrs: Record<string, Attr>,
][] = [
  ['conv', 'Conv2D', [null, filter], { ...two, ...VALID }],
  ['conv-same', 'Conv2D', [null, filter], { ...two, ...SAME }],
  ['depthwise', 'DepthwiseConv2dNative', [null, filter], { ...two, ...VALID }],
  ['max', 'MaxPool', [null], { ...windows, ...VALID }],
  ['max-same', 'MaxPool', [null], { ...windows, ...SAME }],
  ['mean', 'AvgPool', [null], { ...windows, ...VALID }],
  ['back', 'Conv2DBackpropInput', [int32([1, 7, 9, 2]), filter, null], { ...two, ...SAME }],
  ['back-valid', 'Conv2DBackpropInput', [int32([1, 8, 9, 2]), filter, null], { ...two, ...VALID }],
  ['linear', 'ResizeBilinear', [null, int32([3, 2])], { half_pixel_centers: attr.bool(true) }],
  ['nearest', 'ResizeNearestNeighbor', [null, int32([3, 2])], {}],
  ['to-batch', 'SpaceToBatchND', [null, int32([2, 2]), pairs], {}],
  ['to-space', 'BatchToSpaceND', [null, int32([2, 1]), pairs], {}],
  ['to-depth', 'SpaceToDepth', [null], { block_size: attr.int(2) }],
  ['from-depth', 'DepthToSpace', [null], { block_size: attr.int(2) }],
  [
    'mirror',
    'MirrorPad',
    [null, int32([0, 0, 2, 1, 0, 2, 0, 0], [4, 2])],
    { mode: attr.string('SYMMETRIC') },
  ],
  [
    'reflect',
    'MirrorPad',
    [null, int32([0, 0, 2, 1, 0, 2, 0, 0], [4, 2])],
    { mode: attr.string('REFLECT') },
  ],
  ['pad', 'Pad', [null, int32([0, 0, 2, 1, 0, 2, 0, 0], [4, 2])], {}],
  [
    'norm',
    'FusedBatchNormV3',
    [null, ...[1, 2, 3, 4].map((each) => floatTensor([each, 0.5]))],
    {
      U: T,
      is_training: attr.bool(false),
    },
  ],
  ['lrn', 'LRN', [null], {}],
  [
    'patches',
    'ExtractImagePatches',
    [null],
    {
      ...two,
      ...VALID,
      ksizes: attr.ints([1, 3, 3, 1]),
      rates: attr.ints([1, 1, 1, 1]),
    },
  ],
]

function model(): Uint8Array {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: T })
  const signatures: Record<string, Pick<SignatureDef, 'inputs' | 'outputs'>> = {}
  for (const [name, op, rest, attrs] of operations) {
    const inputs = rest.map((each, at) =>
      each === null ? 'x' : builder.constant(`${name}/${at}`, each),
    )
    builder.add(op, `${name}/y`, inputs, { T, ...attrs })
    signatures[name] = {
      inputs: { x: info('x:0', 'DT_FLOAT', [-1, -1, -1, 2]) },
      outputs: { y: info(`${name}/y:0`, 'DT_FLOAT', 'unknown') },
    }
  }
  return modelBytes(builder, signatures)
}

const { tensorflow, folder } = await startAround()
let fast: Servable
let truth: Servable

beforeAll(async () => {
  const directory = await folder.add(model())
  fast = await loadServable(directory, { engine: 'onnx', tensorflow })
  truth = await loadServable(directory, { engine: 'tensorflow', tensorflow })
})

const isEmpty = (answer: Record<string, Tensor>): boolean =>
  Object.values(answer).every(({ shape }) => sizeOf(shape) === 0)

/**
 * TensorFlow does them by accident: more channels than the signature says become groups, and a batch that is
 * normalised by constants is only looked at after it has been made a product and a sum.
 */
const MEANT_BY_NONE = new Set([
  ...['conv', 'conv-same'].map((name) => `${name} of [1,5,5,4]`),
  ...['5,5,2', '1,1,5,5,2', '2', ''].map((shape) => `norm of [${shape}]`),
])

const shapes = [
  [1, 5, 5, 2],
  [4, 4, 6, 2],
  [1, 4, 4, 2],
  [1, 1, 1, 2],
  [1, 2, 2, 2],
  [2, 2, 7, 2],
  [1, 3, 4, 2],
  [0, 5, 5, 2],
  [1, 0, 5, 2],
  [1, 5, 5, 3],
  [1, 5, 5, 4],
  [1, 4, 4, 1],
  [5, 5, 2],
  [1, 1, 5, 5, 2],
  [2],
  [],
]
test.each(operations.flatMap(([name]) => shapes.map((shape) => [name, shape] as const)))(
  '%s of %j is answered as by TensorFlow',
  async (name, shape) => {
    const x = counted(shape)

    const expected = (await answerOf(truth, name, { x })) ?? {}
    const answer = (await answerOf(fast, name, { x })) ?? {}

    const mayRefuse = isEmpty(expected) || MEANT_BY_NONE.has(`${name} of [${shape.join()}]`)
    const isRefused = mayRefuse && Object.keys(answer).length === 0
    expect(differenceOf(isRefused ? {} : expected, answer)).toBeUndefined()
  },
)
