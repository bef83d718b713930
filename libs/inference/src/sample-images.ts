// What is tried of the operations on images: all paddings, strides and dilations, and odd sizes.

import { type Attr, attr } from '@drover/saved-model'
import { floatTensor, sizeOf, type Tensor } from '@drover/serving-api'
import { type Case, fixed } from './sample-slices.ts'
import { double, int32, int64 } from './sample-tensors.ts'

const T = attr.type('DT_FLOAT')
const text = (value: string): Attr => attr.string(value)

/** Numbers without an order, from -1 to 1. */
const noise = (shape: readonly number[]): Tensor =>
  floatTensor(
    Array.from({ length: sizeOf(shape) }, (_, index) => Math.sin(index * 12.9898 + shape.length)),
    [...shape],
  )

const of = (op: string, operands: Case['operands'], attrs: Record<string, Attr> = {}): Case => ({
  op,
  operands,
  attrs: { T, ...attrs },
  type: 'DT_FLOAT',
  port: 0,
})

/** One number for each dimension, of which batch and channels have a 1. */
const inner = (...spatial: number[]): Attr => attr.ints([1, ...spatial, 1])
const SAME = { padding: text('SAME') }
const VALID = { padding: text('VALID') }
const explicit = (...pads: number[]) => ({
  padding: text('EXPLICIT'),
  explicit_paddings: attr.ints([0, 0, ...pads, 0, 0]),
})

const image = noise([2, 7, 6, 4])
const filter = fixed(noise([3, 2, 4, 3]))

const conv2d = [
  ...[SAME, VALID, explicit(1, 2, 0, 1)].flatMap((padding) =>
    [inner(1, 1), inner(2, 2), inner(1, 3)].map((strides) =>
      of('Conv2D', [image, filter], { ...padding, strides }),
    ),
  ),
  ...[SAME, VALID, explicit(0, 3, 2, 2)].map((padding) =>
    of('Conv2D', [image, filter], { ...padding, strides: inner(1, 1), dilations: inner(2, 3) }),
  ),
  of('Conv2D', [image, filter], { ...VALID, strides: inner(2, 1), dilations: inner(1, 2) }),
  of('Conv2D', [image, fixed(noise([3, 3, 2, 6]))], { ...SAME, strides: inner(2, 2) }),
  of('Conv2D', [image, fixed(noise([1, 1, 1, 8]))], { ...VALID, strides: inner(1, 1) }),
  of('Conv2D', [image, noise([3, 2, 4, 3])], { ...SAME, strides: inner(2, 1) }),
  of('Conv2D', [noise([0, 7, 6, 4]), filter], { ...SAME, strides: inner(2, 1) }),
  of('Conv2D', [noise([1, 2, 2, 4]), filter], { ...SAME, strides: inner(1, 1) }),
]

const depthwise = [SAME, VALID].flatMap((padding) =>
  [1, 2].flatMap((stride) =>
    [1, 3].map((multiplier) =>
      of('DepthwiseConv2dNative', [image, fixed(noise([3, 2, 4, multiplier]))], {
        ...padding,
        strides: inner(stride, stride),
      }),
    ),
  ),
)

const volume = noise([2, 4, 5, 6, 2])
const conv3d = [SAME, VALID].flatMap((padding) =>
  [inner(1, 1, 1), inner(2, 1, 2)].map((strides) =>
    of('Conv3D', [volume, fixed(noise([2, 3, 2, 2, 3]))], { ...padding, strides }),
  ),
)

const explicitly = [
  of('DepthwiseConv2dNative', [image, fixed(noise([3, 2, 4, 2]))], {
    ...explicit(1, 0, 0, 1),
    strides: inner(1, 1),
  }),
  of(
    'Conv2DBackpropInput',
    [int32([2, 9, 9, 3]), fixed(noise([3, 3, 3, 4])), noise([2, 5, 5, 4])],
    {
      ...explicit(1, 1, 0, 2),
      strides: inner(2, 2),
    },
  ),
]

/** Of a result of 7 x 6 or the like: what TensorFlow takes for it is as large as a convolution of it. */
const back = (
  size: [number, number],
  kernel: [number, number],
  { padding, stride, isSame }: { padding: Record<string, Attr>; stride: number; isSame: boolean },
): Case[] => {
  const from = size.map((each, axis) =>
    Math.ceil((each - (isSame ? 0 : (kernel[axis] ?? 1) - 1)) / stride),
  )
  const sizes = int32([2, ...size, 3])
  const rest = [fixed(noise([...kernel, 3, 4])), noise([2, ...from, 4])]
  const attrs = { ...padding, strides: inner(stride, stride) }
  return [fixed(sizes), sizes].map((given) => of('Conv2DBackpropInput', [given, ...rest], attrs))
}
const sizes: [number, number][] = [
  [7, 6],
  [8, 9],
]
const kernels: [number, number][] = [
  [3, 3],
  [1, 2],
  [4, 3],
]
const transposed = sizes.flatMap((size) =>
  kernels.flatMap((kernel) =>
    [1, 2, 3].flatMap((stride) => [
      ...back(size, kernel, { padding: SAME, stride, isSame: true }),
      ...back(size, kernel, { padding: VALID, stride, isSame: false }),
    ]),
  ),
)
const transposed3d = [
  of(
    'Conv3DBackpropInputV2',
    [int32([2, 5, 6, 4, 3]), fixed(noise([3, 2, 2, 3, 2])), noise([2, 3, 3, 2, 2])],
    { ...SAME, strides: inner(2, 2, 2), Tshape: attr.type('DT_INT32') },
  ),
  of(
    'Conv3DBackpropInputV2',
    [fixed(int32([1, 6, 5, 4, 3])), fixed(noise([3, 2, 1, 3, 2])), noise([1, 2, 2, 2, 2])],
    { ...VALID, strides: inner(2, 2, 2), Tshape: attr.type('DT_INT32') },
  ),
]

const pools = ['MaxPool', 'AvgPool'].flatMap((op) => [
  ...[SAME, VALID].flatMap((padding) =>
    [inner(2, 2), inner(3, 2), inner(1, 5)].flatMap((ksize) =>
      [inner(1, 1), inner(2, 3)].map((strides) => of(op, [image], { ...padding, ksize, strides })),
    ),
  ),
  of(op, [noise([1, 2, 1, 3])], { ...SAME, ksize: inner(5, 5), strides: inner(2, 2) }),
  ...[SAME, VALID].map((padding) =>
    of(`${op}3D`, [volume], { ...padding, ksize: inner(2, 3, 2), strides: inner(2, 2, 1) }),
  ),
])
const otherPools = [
  of('MaxPool', [image], {
    ...explicit(1, 0, 1, 1),
    ksize: inner(2, 3),
    strides: inner(2, 1),
  }),
  {
    ...of('MaxPool', [image], { ...VALID, ksize: inner(2, 2), strides: inner(2, 2) }),
    attrs: { ...VALID, ksize: inner(2, 2), strides: inner(2, 2) },
  },
  {
    ...of('MaxPool', [double([1, 2, 3, 4, -5, 6], [1, 2, 3, 1])], {
      ...SAME,
      ksize: inner(2, 2),
      strides: inner(1, 1),
    }),
    type: 'DT_DOUBLE' as const,
    attrs: { ...SAME, ksize: inner(2, 2), strides: inner(1, 1), T: attr.type('DT_DOUBLE') },
  },
]

const vectors = [1, 2, 3, 4].map((seed) =>
  fixed(floatTensor([0.1 + seed, 2 / seed, 0.5 * seed, 1.5])),
)
const norms = ['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'].map((op) =>
  of(op, [image, ...vectors], {
    is_training: attr.bool(false),
    epsilon: attr.float(0.002),
    ...(op === 'FusedBatchNorm' ? {} : { U: T }),
  }),
)
const lrns = [
  of('LRN', [image]),
  of('LRN', [image], {
    depth_radius: attr.int(1),
    bias: attr.float(2),
    alpha: attr.float(0.3),
    beta: attr.float(0.75),
  }),
]

const either = (tensor: Tensor): Case['operands'] => [fixed(tensor), tensor]
const inPairs = (...pads: number[]): Tensor => int32(pads, [pads.length / 2, 2])

const blocks = [
  [2, 3, [0, 1, 0, 0]],
  [2, 2, [1, 0, 1, 1]],
  [1, 4, [0, 0, 1, 1]],
].flatMap(([rows, columns, pads]) =>
  [inPairs(...[pads].flat().map(Number))].flatMap(either).map((paddings) =>
    of('SpaceToBatchND', [image, fixed(int32([Number(rows), Number(columns)])), paddings], {
      Tblock_shape: attr.type('DT_INT32'),
      Tpaddings: attr.type('DT_INT32'),
    }),
  ),
)
const spaces = either(inPairs(1, 0, 0, 2)).map((crops) =>
  of('BatchToSpaceND', [noise([12, 3, 2, 4]), fixed(int32([2, 3])), crops], {
    Tblock_shape: attr.type('DT_INT32'),
    Tcrops: attr.type('DT_INT32'),
  }),
)
const depths = [
  of('SpaceToDepth', [noise([2, 4, 6, 3])], { block_size: attr.int(2) }),
  of('DepthToSpace', [noise([2, 3, 2, 18])], { block_size: attr.int(3) }),
  {
    ...of('SpaceToBatchND', [
      int64(
        Array.from({ length: 12 }, (_, index) => index),
        [2, 6],
      ),
      fixed(int32([3])),
      fixed(inPairs(2, 1)),
    ]),
    attrs: { T: attr.type('DT_INT64') },
    type: 'DT_INT64' as const,
  },
]

const patches = [SAME, VALID].flatMap((padding) =>
  [1, 2].flatMap((rate) =>
    [inner(1, 1), inner(4, 3)].map((strides) =>
      of('ExtractImagePatches', [image], {
        ...padding,
        ksizes: inner(3, 2),
        strides,
        rates: inner(rate, rate),
      }),
    ),
  ),
)

const A = noise([2, 3])
const pads = [
  ...either(inPairs(1, 0, 2, 3)).map((each) => of('Pad', [A, each])),
  ...either(floatTensor([-7], [])).map((filler) =>
    of('PadV2', [A, fixed(inPairs(0, 2, 1, 0)), filler]),
  ),
  ...['REFLECT', 'SYMMETRIC'].flatMap((mode) => [
    of('MirrorPad', [A, fixed(inPairs(1, 1, 2, 1))], { mode: text(mode) }),
    of('MirrorPad', [A, fixed(inPairs(0, 0, 0, 2))], { mode: text(mode) }),
  ]),
  of('MirrorPad', [A, fixed(inPairs(2, 1, 0, 3))], { mode: text('SYMMETRIC') }),
  {
    ...of('Pad', [int64([1, 2]), fixed(inPairs(1, 1))]),
    attrs: { T: attr.type('DT_INT64') },
    type: 'DT_INT64' as const,
  },
]

const manners = [
  {},
  { align_corners: attr.bool(true) },
  { half_pixel_centers: attr.bool(true) },
].flatMap((manner) =>
  [
    [4, 4],
    [1, 9],
    [13, 3],
    [2, 12],
  ].map((size) => ({ manner, size })),
)
const resizes = manners.flatMap(({ manner, size }) =>
  ['ResizeBilinear', 'ResizeNearestNeighbor'].flatMap((op) =>
    either(int32(size)).map((given) => of(op, [image, given], manner)),
  ),
)
const largeResizes = [
  of('ResizeBilinear', [noise([1, 224, 3, 1]), fixed(int32([331, 2]))], {
    half_pixel_centers: attr.bool(true),
  }),
  {
    ...of('ResizeBilinear', [int32([1, 5, 9, 200], [1, 2, 2, 1]), fixed(int32([3, 3]))]),
    attrs: { T: attr.type('DT_INT32') },
  },
]

/** Every operation on images that is translated. */
export const imageCases: readonly Case[] = [
  ...conv2d,
  ...depthwise,
  ...explicitly,
  ...conv3d,
  ...transposed,
  ...transposed3d,
  ...pools,
  ...otherPools,
  ...norms,
  ...lrns,
  ...blocks,
  ...spaces,
  ...depths,
  ...patches,
  ...pads,
  ...resizes,
  ...largeResizes,
]
