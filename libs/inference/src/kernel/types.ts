import type { SlabMessage } from './slab.ts'

/** A model that runs in kernels, for any thread: it may be posted as it is. */
export interface KernelMessage {
  slab: SlabMessage
  /** Where the model's description is, in bytes. */
  at: number
  length: number
}
