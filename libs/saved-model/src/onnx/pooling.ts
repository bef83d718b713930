// The largest or the mean of what is in a window. What is padded counts for neither.

import { untranslatable } from '../node-attrs.ts'
import {
  channelsBack,
  channelsFirst,
  layoutOf,
  type Padding,
  paddingOf,
  spatialOf,
} from './layout.ts'
import { atLeast, unlessLarge } from './checks.ts'
import { inputOf, leastOf, numericType, type OnnxOp, scalar } from './ops.ts'
import type { NumericType, OnnxBuilder } from './model.ts'

interface Window extends Padding {
  kernel_shape: bigint[]
  strides: bigint[]
}

/** onnxruntime has pooling for these types alone. */
const TYPES: Readonly<Record<string, readonly NumericType[]>> = {
  AveragePool: ['DT_FLOAT'],
  MaxPool: ['DT_FLOAT', 'DT_DOUBLE'],
}

const pool =
  (type: 'AveragePool' | 'MaxPool', rank: number): OnnxOp =>
  (context) => {
    const { node, onnx } = context
    const dtype = numericType(node, 'T', 'DT_FLOAT')
    if (TYPES[type]?.includes(dtype) !== true) throw untranslatable(node, `it works on ${dtype}`)
    const layout = layoutOf(node, rank)
    const window = {
      kernel_shape: spatialOf(node, { name: 'ksize', layout }),
      strides: spatialOf(node, { name: 'strides', layout }),
      ...paddingOf(node, layout),
    }
    checkPads(window, (why) => untranslatable(node, why))
    const image = channelsFirst(onnx, inputOf(context, 0), layout)
    const input = type === 'MaxPool' ? comparable(onnx, image, { dtype, rank }) : image
    const output = onnx.op(type, [guarded(onnx, input, window)], { ...window })
    return channelsBack(onnx, output, layout)
  }

/**
 * TensorFlow looks for the largest from the least finite number on, passing over what is no number. In
 * volumes it depends on where in a window that is: there the run fails.
 */
function comparable(
  onnx: OnnxBuilder,
  image: string,
  { dtype, rank }: { dtype: NumericType; rank: number },
): string {
  const least = onnx.constant(scalar(dtype, leastOf(dtype)))
  if (rank === 4) return onnx.op('Where', [onnx.op('Greater', [image, least]), image, least])
  return unlessLarge(onnx, onnx.op('Not', [onnx.op('GreaterOrEqual', [image, least])]), image)
}

/** A window of nothing but padding has no largest number, and onnxruntime takes no such pads. */
function checkPads({ kernel_shape, pads = [] }: Window, refuse: (why: string) => Error): void {
  const isWide = pads.some((pad, at) => pad >= (kernel_shape[at % kernel_shape.length] ?? 1n))
  if (isWide) throw refuse('it pads more than a window')
}

/** With strides, onnxruntime finds a window even where the input is smaller than one: that must fail. */
function guarded(onnx: OnnxBuilder, input: string, window: Window): string {
  const { auto_pad, pads = [], kernel_shape, strides } = window
  if (auto_pad !== undefined) return withoutRest(onnx, input, window)
  if (strides.every((stride) => stride === 1n)) return input
  const least = kernel_shape.map((size, axis) => {
    const padded = (pads[axis] ?? 0n) + (pads[kernel_shape.length + axis] ?? 0n)
    return size - padded
  })
  return atLeast(onnx, input, [0n, 0n, ...least])
}

/** Strides that are longer than a window may pass over what comes last; onnxruntime would have to pad less than nothing. */
function withoutRest(onnx: OnnxBuilder, input: string, { kernel_shape, strides }: Window): string {
  if (kernel_shape.every((size, axis) => size >= (strides[axis] ?? 1n))) return input
  const sizes = onnx.op('Slice', [
    onnx.op('Shape', [input]),
    onnx.vector([2n]),
    onnx.vector([2n + BigInt(strides.length)]),
  ])
  // The last window begins at the last multiple of the strides that is inside.
  const by = onnx.vector(strides)
  const last = onnx.op('Sub', [sizes, onnx.vector([1n])])
  const start = onnx.op('Sub', [last, onnx.op('Mod', [last, by])])
  const ends = onnx.op('Add', [start, onnx.vector(kernel_shape)])
  const axes = onnx.vector(strides.map((_, axis) => BigInt(axis + 2)))
  return onnx.op('Slice', [input, onnx.vector(strides.map(() => 0n)), ends, axes])
}

/** Pooling, by TensorFlow's name. */
export const pooling: Readonly<Record<string, OnnxOp>> = {
  AvgPool: pool('AveragePool', 4),
  AvgPool3D: pool('AveragePool', 5),
  MaxPool: pool('MaxPool', 4),
  MaxPool3D: pool('MaxPool', 5),
}
