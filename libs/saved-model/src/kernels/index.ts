import { numberKernels } from './numbers.ts'
import { segmentKernels } from './segments.ts'
import { shapeKernels } from './shapes.ts'
import { stringKernels } from './strings.ts'
import type { Kernel } from './kernel.ts'

const kernels = new Map<string, Kernel>(
  [stringKernels, shapeKernels, segmentKernels, numberKernels].flatMap((table) =>
    Object.entries(table),
  ),
)

/** What runs an operation in TypeScript, if anything does. */
export const kernelOf = (op: string): Kernel | undefined => kernels.get(op)
