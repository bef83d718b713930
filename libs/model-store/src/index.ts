export { createJson, readJson, readStateJson, requireJson, swapJson } from './json.ts'
export {
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  OBJECT_BYTES_MAX,
  type State,
} from './store.ts'
