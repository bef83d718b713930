import { blockOps } from './blocks.ts'
import { channelOps } from './channels.ts'
import { convolutions } from './convolutions.ts'
import { imageOps } from './images.ts'
import { arithmeticOps, type OnnxOp } from './ops.ts'
import { padding } from './padding.ts'
import { pooling } from './pooling.ts'
import { shapeOps } from './shape-ops.ts'

export * from './model.ts'
export type { Context } from './ops.ts'

const ops = new Map<string, OnnxOp>(
  [arithmeticOps, blockOps, channelOps, convolutions, imageOps, padding, pooling, shapeOps].flatMap(
    (table) => Object.entries(table),
  ),
)

/** What translates an operation to ONNX, if anything does. */
export const onnxOpOf = (op: string): OnnxOp | undefined => ops.get(op)

/** In TensorFlow they take tensors of certain ranks alone, in ONNX of others as well. */
const RANKED = new Set([
  'BiasAdd',
  'FusedBatchNorm',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
  'MatMul',
  'ResizeBilinear',
  'ResizeNearestNeighbor',
])
const REDUCING = ['All', 'Any', 'ArgMax', 'ArgMin', 'Max', 'Mean', 'Min', 'Prod', 'Sum']
const PASSING = ['Identity', 'OnesLike', 'Snapshot', 'StopGradient', 'ZerosLike']
const KEEPING = new Set([...Object.keys({ ...arithmeticOps, ...channelOps }), ...PASSING])
for (const op of [...RANKED, ...REDUCING, 'BatchMatMulV2']) KEEPING.delete(op)

/** Whether an operation refuses ranks that its translation would take. */
export const needsRank = (op: string): boolean => RANKED.has(op)

/** Whether the result of an operation has the rank of its inputs. */
export const keepsRank = (op: string): boolean => KEEPING.has(op)
