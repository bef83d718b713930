export { type FaultHook, type StoreMethod, withFaults } from './faults.ts'
export { createJson, readJson, readStateJson, requireJson, swapJson } from './json.ts'
export { isS3Location, openStore, StoreLocation } from './open.ts'
export { openPosixStore } from './posix.ts'
export { openS3Store, type S3StoreOptions } from './s3/store.ts'
export {
  isObjectFault,
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  OBJECT_BYTES_MAX,
  type State,
} from './store.ts'
