export { compileModel, type CompiledModel } from './compile.ts'
export { PART_NS_MAX } from './measure.ts'
export { Plan, type PlanParts, type Slots } from './plan.ts'
export type { DenseLayer, Division, KernelProgram, Program } from './program.ts'
