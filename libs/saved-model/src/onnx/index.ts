import { arithmeticOps, type OnnxOp } from './ops.ts'
import { shapeOps } from './shape-ops.ts'

export * from './model.ts'
export type { Context } from './ops.ts'

const ops = new Map<string, OnnxOp>([...Object.entries(arithmeticOps), ...Object.entries(shapeOps)])

/** What translates an operation to ONNX, if anything does. */
export const onnxOpOf = (op: string): OnnxOp | undefined => ops.get(op)
