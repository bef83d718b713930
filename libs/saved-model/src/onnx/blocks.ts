// Blocks of neighbours that become one place, among the batch or the channels, and the other way round.
// The sizes of what comes are only known when it runs, so the shapes are calculated there.

import { zeroUnless } from './checks.ts'
import { intOf, textOf, untranslatable } from '../node-attrs.ts'
import { channelsBack, channelsFirst, type Layout } from './layout.ts'
import {
  type Context,
  inputOf,
  integersOf,
  int64Vector,
  numericType,
  type OnnxOp,
  scalar,
} from './ops.ts'

const count = (length: number, first = 0): number[] =>
  Array.from({ length }, (_, index) => first + index)
const product = (factors: readonly number[]): number =>
  factors.reduce((all, factor) => all * factor, 1)
const long = (values: readonly number[]): bigint[] => values.map(BigInt)

/** Puts shapes together from vectors and from known sizes. */
function shapeFrom({ onnx }: Context, parts: readonly (string | readonly number[])[]): string {
  const vectors = parts.map((part) => (typeof part === 'string' ? part : onnx.vector(long(part))))
  return onnx.op('Concat', vectors, { axis: 0n })
}

/** Some of a shape's sizes; to the end where it is not said. */
function sizes({ onnx }: Context, shape: string, from: number, to?: number): string {
  const end = to === undefined ? 2n ** 62n : BigInt(to)
  return onnx.op('Slice', [shape, onnx.vector([BigInt(from)]), onnx.vector([end])])
}

/** One shape's sizes between each other with the blocks': a0, b0, a1, b1. */
function woven(
  context: Context,
  shape: string,
  blocks: readonly number[],
): (string | readonly number[])[] {
  return blocks.flatMap((block, axis) => [sizes(context, shape, axis, axis + 1), [block]])
}

const reshape = ({ onnx }: Context, input: string, shape: string): string =>
  onnx.op('Reshape', [input, shape], { allowzero: 1n })

const turn = ({ onnx }: Context, input: string, perm: readonly number[]): string =>
  onnx.op('Transpose', [input], { perm: long(perm) })

interface Parts {
  batch: string
  spatial: string
  rest: string
  /** All the sizes after the spatial ones in one. */
  flat: string
}

function partsOf(context: Context, input: string, rank: number): Parts {
  const { onnx } = context
  const shape = onnx.op('Shape', [input])
  const rest = sizes(context, shape, 1 + rank)
  return {
    batch: sizes(context, shape, 0, 1),
    spatial: sizes(context, shape, 1, 1 + rank),
    rest,
    flat: onnx.op('ReduceProd', [rest, onnx.vector([0n])], { keepdims: 1n }),
  }
}

function blocksOf(context: Context): number[] {
  const blocks = integersOf(context, 1)
  if (blocks.some((block) => block < 1))
    throw untranslatable(context.node, `its blocks are [${blocks.join(', ')}]`)
  return blocks
}

/** The first or second column of an input with a row for each of so many dimensions. */
function column(context: Context, { side, rows }: { side: number; rows: number }): string {
  const { onnx } = context
  if (context.constant(2) !== undefined && integersOf(context, 2).some((each) => each < 0))
    throw untranslatable(context.node, 'it pads or cuts off less than nothing')
  const given = int64Vector(context, 2)
  const isNegative = onnx.op('Less', [given, onnx.vector([0n])])
  const all = onnx.op('Add', [given, zeroUnless(onnx, isNegative)])
  return onnx.op('Gather', [all, onnx.vector(long(count(rows).map((row) => 2 * row + side)))])
}

/** Sizes divided by what must divide them, which no reshape would notice where a tensor is empty. */
function divided({ onnx }: Context, given: string, by: readonly number[]): string {
  const divisor = onnx.vector(long(by))
  const rest = onnx.cast(onnx.op('Mod', [given, divisor]), 'DT_BOOL')
  return onnx.op('Add', [onnx.op('Div', [given, divisor]), zeroUnless(onnx, rest)])
}

/** Pads the dimensions of blocks, which come behind the batch; nothing is padded where that is known. */
function paddedFor(context: Context, rows: number): string {
  const { onnx } = context
  const input = inputOf(context, 0)
  const isKnown = context.constant(2) !== undefined
  if (isKnown && integersOf(context, 2).every((pad) => pad === 0)) return input
  const axes = onnx.vector(long(count(rows, 1)))
  const pads = [0, 1].map((side) => column(context, { side, rows }))
  const filler = onnx.constant(scalar(numericType(context.node), 0))
  return onnx.op('Pad', [input, onnx.op('Concat', pads, { axis: 0n }), filler, axes])
}

const spaceToBatch: OnnxOp = (context) => {
  const { onnx } = context
  const blocks = blocksOf(context)
  const rows = blocks.length
  const padded = paddedFor(context, rows)
  const { batch, spatial, rest, flat } = partsOf(context, padded, rows)
  const places = divided(context, spatial, blocks)
  const split = shapeFrom(context, [batch, ...woven(context, places, blocks), flat])
  const inBlock = count(rows).map((axis) => 2 + 2 * axis)
  const outside = count(rows).map((axis) => 1 + 2 * axis)
  const perm = [...inBlock, 0, ...outside, 2 * rows + 1]
  const turnedInput = turn(context, reshape(context, padded, split), perm)
  const batches = onnx.op('Mul', [batch, onnx.vector([BigInt(product(blocks))])])
  return reshape(context, turnedInput, shapeFrom(context, [batches, places, rest]))
}

const batchToSpace: OnnxOp = (context) => {
  const { onnx } = context
  const blocks = blocksOf(context)
  const rows = blocks.length
  const input = inputOf(context, 0)
  const { batch, spatial, rest, flat } = partsOf(context, input, rows)
  const batches = divided(context, batch, [product(blocks)])
  const split = reshape(context, input, shapeFrom(context, [blocks, batches, spatial, flat]))
  const perm = [rows, ...count(rows).flatMap((axis) => [rows + 1 + axis, axis]), 2 * rows + 1]
  const wide = onnx.op('Mul', [spatial, onnx.vector(long(blocks))])
  const joined = shapeFrom(context, [batches, wide, rest])
  const whole = reshape(context, turn(context, split, perm), joined)
  const starts = column(context, { side: 0, rows })
  const ends = onnx.op('Sub', [wide, column(context, { side: 1, rows })])
  const isCrossed = zeroUnless(onnx, onnx.op('Less', [ends, starts]))
  return onnx.op('Slice', [
    whole,
    starts,
    onnx.op('Add', [ends, isCrossed]),
    onnx.vector(long(count(rows, 1))),
  ])
}

const NHWC: Layout = { rank: 4, isChannelsLast: true }

/** Runs what works on channels that come last. */
const withChannelsLast =
  (translate: (context: Context, input: string) => string): OnnxOp =>
  (context) => {
    const { node, onnx } = context
    const input = inputOf(context, 0)
    const format = textOf(node, 'data_format', 'NHWC')
    if (format === 'NHWC') return translate(context, input)
    if (format !== 'NCHW') throw untranslatable(node, `its layout is ${format}`)
    const output = translate(context, channelsBack(onnx, input, NHWC))
    return channelsFirst(onnx, output, NHWC)
  }

/** Rows and columns of blocks change places: the one transpose that is between two shapes. */
const CHANGE = [0, 1, 3, 2, 4, 5]

const spaceToDepth = withChannelsLast((context, input) => {
  const { onnx } = context
  const block = intOf(context.node, 'block_size')
  const { batch, spatial, rest } = partsOf(context, input, 2)
  const places = divided(context, spatial, [block, block])
  const split = shapeFrom(context, [batch, ...woven(context, places, [block, block]), rest])
  const depth = onnx.op('Mul', [rest, onnx.vector(long([block * block]))])
  const turnedInput = turn(context, reshape(context, input, split), CHANGE)
  return reshape(context, turnedInput, shapeFrom(context, [batch, places, depth]))
})

const depthToSpace = withChannelsLast((context, input) => {
  const { onnx } = context
  const block = intOf(context.node, 'block_size')
  const { batch, spatial, rest } = partsOf(context, input, 2)
  const depth = divided(context, rest, [block * block])
  const split = shapeFrom(context, [batch, spatial, [block, block], depth])
  const wide = onnx.op('Mul', [spatial, onnx.vector(long([block, block]))])
  const turnedInput = turn(context, reshape(context, input, split), CHANGE)
  return reshape(context, turnedInput, shapeFrom(context, [batch, wide, depth]))
})

/** Blocks, by TensorFlow's name. */
export const blockOps: Readonly<Record<string, OnnxOp>> = {
  BatchToSpaceND: batchToSpace,
  DepthToSpace: depthToSpace,
  SpaceToBatchND: spaceToBatch,
  SpaceToDepth: spaceToDepth,
}
