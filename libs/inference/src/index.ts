export * from './errors.ts'
export { loadServable } from './load.ts'
export * from './probe.ts'
export type { EngineName, Servable } from './servable.ts'
export {
  type HostedModel,
  startTensorflowHost,
  type TensorflowHost,
  type TensorflowHostOptions,
} from './tensorflow-host.ts'
