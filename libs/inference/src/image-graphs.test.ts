// Images through several operations, and in the layouts and shapes that no single case has.

import { type Attr, attr, GraphBuilder } from '@drover/saved-model'
import { floatTensor, type SignatureDef, sizeOf, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { InferenceError } from './errors.ts'
import { loadServable } from './load.ts'
import { imageCases } from './sample-images.ts'
import { info, modelBytes } from './sample-models.ts'
import { answerOf, differenceOf, inputsOf, nameOf, singleModel } from './sample-single.ts'
import { type Case, fixed } from './sample-slices.ts'
import { int32 } from './sample-tensors.ts'

const T = attr.type('DT_FLOAT')
const noise = (shape: readonly number[]): Tensor =>
  floatTensor(
    Array.from({ length: sizeOf(shape) }, (_, index) => Math.sin(index * 12.9898)),
    [...shape],
  )
const strided = (by: number) => ({ strides: attr.ints([1, by, by, 1]) })
const SAME = { padding: attr.string('SAME') }
const { tensorflow, folder } = await startAround()

const load = async (bytes: Uint8Array, engine: 'onnx' | 'tensorflow') =>
  await loadServable(await folder.add(bytes), { engine, tensorflow })

type Signature = Pick<SignatureDef, 'inputs' | 'outputs'>

/** A convolution by the first of these operations, what follows it, and a batch that is normalised then. */
function normalised(convolution: string, between: readonly string[]): Uint8Array {
  const builder = new GraphBuilder()
  const add = (op: string, name: string, inputs: string[], attrs: Record<string, Attr> = {}) =>
    builder.add(op, name, inputs, { T, ...attrs })
  const isDepthwise = convolution.startsWith('Depthwise')
  builder.add('Placeholder', 'x', [], { dtype: T })
  builder.constant('filter', noise(isDepthwise ? [3, 3, 2, 2] : [3, 3, 2, 4]))
  for (const [index, name] of ['scale', 'offset', 'mean', 'variance'].entries())
    builder.constant(name, floatTensor([0.5, 2, 1, 3].map((each) => each + index)))
  builder.constant('bias', noise([4]))
  let y = add(convolution, 'conv', ['x', 'filter'], { ...SAME, ...strided(2) })
  for (const op of between) y = add(op, op, op === 'BiasAdd' ? [y, 'bias'] : [y])
  y = add('FusedBatchNormV3', 'norm', [y, 'scale', 'offset', 'mean', 'variance'], {
    U: T,
    is_training: attr.bool(false),
    epsilon: attr.float(0.001),
  })
  y = add('MaxPool', 'pool', [y], { ...SAME, ...strided(2), ksize: attr.ints([1, 3, 3, 1]) })
  const main: Signature = {
    inputs: { x: info('x:0', 'DT_FLOAT', [-1, -1, -1, 2]) },
    outputs: { y: info(`${y}:0`, 'DT_FLOAT', 'unknown') },
  }
  return modelBytes(builder, { main })
}

test.each([
  ['Conv2D', []],
  ['Conv2D', ['BiasAdd']],
  ['Conv2D', ['BiasAdd', 'Relu']],
  ['Conv2D', ['Relu6', 'Identity']],
  ['DepthwiseConv2dNative', []],
  ['DepthwiseConv2dNative', ['BiasAdd']],
])('a batch is normalised after %s and %j as TensorFlow does it', async (op, between) => {
  const bytes = normalised(op, between)
  const [truth, fast] = [await load(bytes, 'tensorflow'), await load(bytes, 'onnx')]

  for (const shape of [
    [2, 9, 7, 2],
    [1, 4, 4, 2],
    [0, 9, 7, 2],
  ]) {
    const x = noise(shape)
    const expected = await answerOf(truth, 'main', { x })
    expect(
      differenceOf(expected ?? {}, (await answerOf(fast, 'main', { x })) ?? {}),
    ).toBeUndefined()
  }
})

const first = <E>(list: readonly E[]): E[] => [
  ...list.slice(0, 1),
  ...list.slice(-1),
  ...list.slice(1, -1),
]

/** The same image with its channels behind the batch. */
function channelsFirst(image: Tensor): Tensor {
  if (image.dtype !== 'DT_FLOAT') return image
  const { shape, values } = image
  const channels = shape.at(-1) ?? 1
  const places = sizeOf(shape.slice(1, -1))
  const turned = new Float32Array(values.length)
  for (const [index, value] of values.entries()) {
    const channel = index % channels
    const place = Math.floor(index / channels) % places
    const batch = Math.floor(index / channels / places)
    turned[(batch * channels + channel) * places + place] = value
  }
  return { dtype: 'DT_FLOAT', shape: first(shape), values: turned }
}

const SPATIAL = ['strides', 'dilations', 'ksize']

/** A case with its channels behind the batch; an image stays as it is here. */
function inNchw({ op, operands, attrs, ...rest }: Case): Case {
  const turned = Object.entries(attrs).map(([name, value]): [string, Attr] => {
    if (value.kind !== 'ints') return [name, value]
    if (SPATIAL.includes(name)) return [name, attr.ints(first(value.value))]
    const pairs = [0, 3, 1, 2].flatMap((axis) => value.value.slice(2 * axis, 2 * axis + 2))
    return [name, name === 'explicit_paddings' ? attr.ints(pairs) : value]
  })
  const format = attr.string(op.includes('3D') ? 'NCDHW' : 'NCHW')
  const turnedSizes = operands.map((operand) => {
    const tensor = 'constant' in operand ? operand.constant : operand
    if (tensor.dtype !== 'DT_INT32' || !op.includes('Backprop')) return operand
    const sizes = int32(first([...tensor.values]))
    return 'constant' in operand ? fixed(sizes) : sizes
  })
  return {
    op,
    operands: turnedSizes,
    attrs: { ...Object.fromEntries(turned), data_format: format },
    ...rest,
  }
}

/** Of transposed convolutions those whose sizes are constant: others may be made in groups. */
const turnable = imageCases.filter(({ op, operands: [sizes], type }) => {
  if (type !== 'DT_FLOAT') return false
  if (op.includes('Backprop')) return sizes !== undefined && 'constant' in sizes
  return /^(Conv|Depthwise|MaxPool|AvgPool|FusedBatchNorm|SpaceToDepth|DepthToSpace)/.test(op)
})

// TensorFlow has most of it on graphics cards alone, so the same in its other layout says what is right.
test('channels that come behind the batch give what they give at the end', async () => {
  const others = turnable.map(inNchw)
  const images = others.map(({ operands, ...each }, index) => ({
    ...each,
    operands: operands.map((operand, at) => {
      const isFilter = each.op === 'Conv2D' && at === 1
      return 'constant' in operand || isFilter || turnable[index]?.operands[at] !== operand
        ? operand
        : channelsFirst(operand)
    }),
  }))
  const truth = await load(singleModel(turnable), 'tensorflow')
  const fast = await load(singleModel(images), 'onnx')

  for (const [index, each] of turnable.entries()) {
    const name = nameOf(each, index)
    const { y } = await truth.run(name, inputsOf(each))
    const image = images[index]
    if (y === undefined || image === undefined) throw new Error(`${name} gives nothing`)
    const answer = await fast.run(name, inputsOf(image))
    expect([name, differenceOf({ y: channelsFirst(y) }, answer)]).toEqual([name, undefined])
  }
  expect(turnable.length).toBeGreaterThan(80)
})

test('an empty filter is refused, for which onnxruntime would look for ever', async () => {
  const conv: Case = {
    op: 'Conv2D',
    operands: [noise([1, 5, 5, 2]), noise([3, 3, 2, 2])],
    attrs: { T, ...SAME, ...strided(1) },
    type: 'DT_FLOAT',
    port: 0,
  }
  const fast = await load(singleModel([conv]), 'onnx')
  const { x0 = noise([]) } = inputsOf(conv)

  const answer = await answerOf(fast, '0_Conv2D', { x0, x1: noise([0, 3, 2, 2]) })

  expect(answer).toBeUndefined()
})

const backwards = (sizes: Case['operands'][number], filter: readonly number[]): Case => ({
  op: 'Conv2DBackpropInput',
  operands: [sizes, fixed(noise(filter)), noise([1, 3, 3, 4])],
  attrs: { T, ...SAME, ...strided(1) },
  type: 'DT_FLOAT',
  port: 0,
})
const forwards = (attrs: Record<string, Attr>, filter = fixed(noise([3, 3, 2, 2]))): Case => ({
  op: 'Conv2D',
  operands: [noise([1, 5, 5, 2]), filter],
  attrs: { T, ...SAME, ...strided(1), ...attrs },
  type: 'DT_FLOAT',
  port: 0,
})
const norm = (rank: number, attrs: Record<string, Attr>): Case => ({
  op: 'FusedBatchNormV3',
  operands: [
    noise([1, 5, 5, 2].slice(4 - rank)),
    ...Array<number>(4)
      .fill(2)
      .map((size) => fixed(noise([size]))),
  ],
  attrs: { T, U: T, ...attrs },
  type: 'DT_FLOAT',
  port: 0,
})

test.each<[string, Case]>([
  ['a transposed convolution in groups', backwards(fixed(int32([1, 3, 3, 4])), [3, 3, 2, 4])],
  ['a filter that takes no part of the channels', forwards({}, fixed(noise([3, 3, 3, 2])))],
  ['a filter without elements', forwards({}, fixed(noise([0, 3, 2, 2])))],
  ['a layout of which nothing is known', forwards({ data_format: attr.string('NCHW_VECT_C') })],
  [
    'strides, dilations and SAME at once',
    forwards({ ...strided(2), dilations: attr.ints([1, 2, 2, 1]) }),
  ],
  [
    'strides that differ, channel by channel',
    {
      ...forwards(strided(1), fixed(noise([3, 3, 2, 1]))),
      op: 'DepthwiseConv2dNative',
      attrs: { T, ...SAME, strides: attr.ints([1, 2, 1, 1]) },
    },
  ],
  ['a batch that is learnt from', norm(4, { is_training: attr.bool(true) })],
  ['a batch of another rank', norm(3, { is_training: attr.bool(false) })],
])('%s is left to TensorFlow', async (_, each) => {
  await expect(load(singleModel([each]), 'onnx')).rejects.toSatisfy(
    (error) => error instanceof InferenceError && error.code === 'UNTRANSLATABLE',
  )
})
