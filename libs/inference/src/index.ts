export { AllowedOperations, parseAllowed } from './allowed-operations.ts'
export { type Engines, type EnginesOptions, startEngines } from './engines/engines.ts'
export type { LoadedModel } from './engines/loaded-model.ts'
export type { EngineChoice, PassedOver } from './choice.ts'
export { openServable, type ServableMessage } from './engines/servable-message.ts'
export * from './errors.ts'
export { type InspectedGraph, type Inspection, inspectModel } from './inspect.ts'
export { loadServable } from './load.ts'
export * from './probe.ts'
export { IrregularFileError, readRegularFile } from './regular-file.ts'
export type { EngineName, RunOptions, Servable } from './servable.ts'
export {
  type HostedLoad,
  type HostedModel,
  startTensorflowHost,
  type TensorflowHost,
  type TensorflowHostOptions,
} from './tensorflow-host.ts'
export type { ProcessEnd } from './tensorflow-terms.ts'
