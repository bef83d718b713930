export { compileKernels, type KernelModel } from './compile.ts'
export { type KernelEngine, openKernels } from './engine.ts'
export { KernelMemory } from './memory.ts'
export type { KernelMessage } from './types.ts'
