export { type FaultHook, type StoreMethod, withFaults } from './faults.ts'
export { createJson, readJson, readStateJson, requireJson, swapJson } from './json.ts'
export { openPosixStore } from './posix.ts'
export {
  isObjectFault,
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  OBJECT_BYTES_MAX,
  type State,
} from './store.ts'
