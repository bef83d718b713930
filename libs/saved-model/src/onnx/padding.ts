// Padding. What it is may only be known when it runs.

import { atLeast, zeroUnless } from './checks.ts'
import { textOf, untranslatable } from '../node-attrs.ts'
import { type Context, inputOf, integersOf, numericType, type OnnxOp, scalar } from './ops.ts'

/** A pair for each dimension, in a constant. */
function pairsOf(context: Context, index: number): [before: number, after: number][] {
  const all = integersOf(context, index)
  if (context.constant(index)?.shape[1] !== 2)
    throw untranslatable(context.node, `input ${index} has no two columns`)
  if (all.some((each) => each < 0)) throw untranslatable(context.node, 'it pads less than nothing')
  return Array.from({ length: all.length / 2 }, (_, axis) => [
    all[2 * axis] ?? 0,
    all[2 * axis + 1] ?? 0,
  ])
}

/** What ONNX's Pad takes: all that comes before, then all that comes after. */
function padsOf(context: Context): string {
  const { onnx } = context
  if (context.constant(1) !== undefined) {
    const pairs = pairsOf(context, 1)
    return onnx.vector([0, 1].flatMap((side) => pairs.map((pair) => BigInt(pair[side] ?? 0))))
  }
  const given = onnx.op('Transpose', [inputOf(context, 1)], { perm: [1n, 0n] })
  const pads = onnx.op('Reshape', [onnx.cast(given, 'DT_INT64'), onnx.vector([-1n])])
  // ONNX takes away what is negative, where TensorFlow fails.
  const isNegative = onnx.op('Less', [pads, onnx.vector([0n])])
  return onnx.op('Add', [pads, zeroUnless(onnx, isNegative)])
}

const pad: OnnxOp = (context) => {
  const { node, onnx } = context
  const filler =
    node.op === 'Pad' ? onnx.constant(scalar(numericType(node), 0)) : inputOf(context, 2)
  return onnx.op('Pad', [inputOf(context, 0), padsOf(context), filler], { mode: 'constant' })
}

/** Pads that are smaller than what they reflect, also where that is empty: the run fails for others. */
function reflectable(context: Context, pads: string): string {
  const { onnx } = context
  const both = onnx.op('Reshape', [pads, onnx.vector([2n, -1n])])
  const isWide = onnx.op('LessOrEqual', [onnx.op('Shape', [inputOf(context, 0)]), both])
  return onnx.op('Add', [pads, zeroUnless(onnx, isWide)])
}

const mirrorPad: OnnxOp = (context) => {
  const { node, onnx } = context
  const mode = textOf(node, 'mode')
  if (mode === 'REFLECT') {
    const pads = reflectable(context, padsOf(context))
    return onnx.op('Pad', [inputOf(context, 0), pads], { mode: 'reflect' })
  }
  if (mode !== 'SYMMETRIC') throw untranslatable(node, `its mode is ${mode}`)
  const pairs = pairsOf(context, 1)
  // Slices end where a tensor does, and TensorFlow fails.
  const least = pairs.map((pair) => BigInt(Math.max(...pair)))
  let padded = atLeast(onnx, inputOf(context, 0), least)
  for (const [axis, [before, after]] of pairs.entries()) {
    const parts = [
      ...(before > 0 ? [mirrored(context, padded, { axis, from: before - 1, to: null })] : []),
      padded,
      ...(after > 0 ? [mirrored(context, padded, { axis, from: -1, to: -1 - after })] : []),
    ]
    if (parts.length > 1) padded = onnx.op('Concat', parts, { axis: BigInt(axis) })
  }
  return padded
}

const FIRST = -(2n ** 62n)

/** Backwards along one axis; `to` is not part of it, and null stands for before the start. */
function mirrored(
  { onnx }: Context,
  input: string,
  { axis, from, to }: { axis: number; from: number; to: number | null },
): string {
  const bounds = [BigInt(from), to === null ? FIRST : BigInt(to), BigInt(axis), -1n]
  return onnx.op('Slice', [input, ...bounds.map((bound) => onnx.vector([bound]))])
}

/** Padding, by TensorFlow's name. */
export const padding: Readonly<Record<string, OnnxOp>> = {
  MirrorPad: mirrorPad,
  Pad: pad,
  PadV2: pad,
}
