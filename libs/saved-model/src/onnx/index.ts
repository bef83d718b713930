import { blockOps } from './blocks.ts'
import { channelOps } from './channels.ts'
import { convolutions } from './convolutions.ts'
import { imageOps } from './images.ts'
import { arithmeticOps, type OnnxOp } from './ops.ts'
import { padding } from './padding.ts'
import { patchOps } from './patches.ts'
import { pooling } from './pooling.ts'
import { shapeOps } from './shape-ops.ts'

export * from './model.ts'
export type { Context } from './ops.ts'

const ops = new Map<string, OnnxOp>(
  [
    arithmeticOps,
    blockOps,
    channelOps,
    convolutions,
    imageOps,
    padding,
    patchOps,
    pooling,
    shapeOps,
  ].flatMap((table) => Object.entries(table)),
)

/** What translates an operation to ONNX, if anything does. */
export const onnxOpOf = (op: string): OnnxOp | undefined => ops.get(op)

/**
 * In TensorFlow they take tensors of certain ranks alone, in ONNX some of them of others as well. What
 * has the rank of an image must be known to be one, or onnxruntime does not take the transposes out.
 */
const RANKED = new Set([
  ...['BiasAdd', 'MatMul'],
  ...Object.keys({ ...channelOps, ...convolutions, ...imageOps, ...patchOps, ...pooling }),
])
const REDUCING = ['All', 'Any', 'ArgMax', 'ArgMin', 'Max', 'Mean', 'Min', 'Prod', 'Sum']
const PASSING = ['Identity', 'OnesLike', 'Snapshot', 'StopGradient', 'ZerosLike']
const CHANGING = ['BatchToSpaceND', 'ExpandDims', 'SpaceToBatchND']
const KEEPING = new Set([
  ...Object.keys({ ...arithmeticOps, ...padding }),
  ...PASSING,
  ...CHANGING,
])
for (const op of [...RANKED, ...REDUCING, 'BatchMatMulV2']) KEEPING.delete(op)

/** Whether an operation refuses ranks that its translation would take. */
export const needsRank = (op: string): boolean => RANKED.has(op)

/** Whether the rank of an operation's result tells those of its inputs. */
export const keepsRank = (op: string): boolean => KEEPING.has(op)
