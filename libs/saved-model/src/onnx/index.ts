import { blockOps } from './blocks.ts'
import { branchOps } from './branches.ts'
import { channelOps } from './channels.ts'
import { convolutions } from './convolutions.ts'
import { imageOps } from './images.ts'
import { arithmeticOps, type OnnxOp } from './ops.ts'
import { einsum } from './einsum.ts'
import { indexOps } from './index-ops.ts'
import { integerOps } from './integer-ops.ts'
import { l2Loss, mathOps } from './math-ops.ts'
import { matrixOps } from './matrix-ops.ts'
import { narrowOps } from './narrow.ts'
import { orderOps } from './order.ts'
import { padding } from './padding.ts'
import { patchOps } from './patches.ts'
import { pooling } from './pooling.ts'
import { reduceOps } from './reduce-ops.ts'
import { shapeOps } from './shape-ops.ts'
import { sliceOps } from './slices.ts'

export * from './model.ts'
export type { Context } from './ops.ts'

/** Of each number by itself, or of two side by side. */
const ofEach = { ...arithmeticOps, ...integerOps, ...mathOps, ...narrowOps, ...orderOps }
const ofImages = { ...channelOps, ...convolutions, ...imageOps, ...patchOps, ...pooling }
const ofMany = {
  Einsum: einsum,
  L2Loss: l2Loss,
  ...blockOps,
  ...branchOps,
  ...indexOps,
  ...matrixOps,
  ...padding,
  ...reduceOps,
  ...shapeOps,
  ...sliceOps,
}
const ops = new Map<string, OnnxOp>(Object.entries({ ...ofEach, ...ofImages, ...ofMany }))

/** What translates an operation to ONNX, if anything does. */
export const onnxOpOf = (op: string): OnnxOp | undefined => ops.get(op)

/**
 * In TensorFlow they take tensors of certain ranks alone, in ONNX some of them of others as well. What
 * has the rank of an image must be known to be one, or onnxruntime does not take the transposes out.
 */
const RANKED = new Set(['BiasAdd', 'Einsum', 'MatMul', ...Object.keys(ofImages)])
const PASSING = ['Identity', 'OnesLike', 'Snapshot', 'StopGradient', 'ZerosLike']
const CHANGING = ['BatchToSpaceND', 'ExpandDims', 'SpaceToBatchND']
const KEEPING = new Set([...Object.keys({ ...ofEach, ...padding }), ...PASSING, ...CHANGING])
for (const op of RANKED) KEEPING.delete(op)

/** Whether an operation refuses ranks that its translation would take. */
export const needsRank = (op: string): boolean => RANKED.has(op)

/** Whether the rank of an operation's result tells those of its inputs. */
export const keepsRank = (op: string): boolean => KEEPING.has(op)
