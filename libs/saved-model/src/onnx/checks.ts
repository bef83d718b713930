// Checks that are part of an ONNX graph: what TensorFlow refuses is to fail there as well, where ONNX
// would take it or take the process down.

import type { OnnxBuilder } from './model.ts'

/** A small tensor as it is, such as a shape; the run fails where any of the faults is true. */
export function unless(onnx: OnnxBuilder, faults: string, tensor: string): string {
  const count = onnx.op('ReduceSum', [onnx.cast(faults, 'DT_INT32')], { keepdims: 0n })
  // There is one row to take, and any other number is outside.
  const row = onnx.op('Sign', [count])
  return onnx.op('Gather', [onnx.op('Unsqueeze', [tensor, onnx.vector([0n])]), row], { axis: 0n })
}

/** The same for a large tensor, of which nothing is copied. */
export function unlessLarge(onnx: OnnxBuilder, faults: string, tensor: string): string {
  const shape = unless(onnx, faults, onnx.op('Shape', [tensor]))
  return onnx.op('Reshape', [tensor, shape], { allowzero: 1n })
}

/** A tensor that must have this shape already; the run fails where it has another. */
export const ofShape = (onnx: OnnxBuilder, tensor: string, shape: string): string =>
  onnx.op('Reshape', [tensor, shape], { allowzero: 1n })
