export { compileModel, type CompiledModel } from './compile.ts'
export { Plan, type PlanParts, type Slots } from './plan.ts'
export type { DenseLayer, Program, RowWise } from './program.ts'
export { PLAIN_COST, type RowParts, weightOf } from './row-parts.ts'
