export {
  type Bundle,
  type BundleIndex,
  openBundle,
  readBundleIndex,
  readBundleTensor,
} from './bundle.ts'
export type { BundleEntry, BundleHeader, BundleSlice, StoredValues } from './entry.ts'
export { shardFile, type Shards, shardsInMemory } from './shards.ts'
export { ALL, type Extent } from './slice-key.ts'
export { cutSlice } from './slices.ts'
export { type BundleFiles, writeBundle } from './write-bundle.ts'
