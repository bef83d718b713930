import { isBoundTable } from './tables.ts'
import { kernelOf } from './kernels/index.ts'
import { onnxOpOf } from './onnx/index.ts'

/** Whether an operation can be run without TensorFlow, in some of its forms at least. */
export const isTranslated = (op: string): boolean =>
  op === 'Const' || isBoundTable(op) || kernelOf(op) !== undefined || onnxOpOf(op) !== undefined
