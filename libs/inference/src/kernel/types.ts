import type { DescriptionMessage } from './description.ts'
import type { SlabMessage } from './slab.ts'

/** A model that runs in kernels, for any thread: it may be posted as it is. */
export interface KernelMessage {
  slab: SlabMessage
  /** Where the model's data is, in bytes. */
  at: number
  description: DescriptionMessage
}

/** The message of a model that lies there. */
export function messageOf(
  { slab, at }: Pick<KernelMessage, 'slab' | 'at'>,
  description: DescriptionMessage,
): KernelMessage {
  const own = { id: slab.id, memory: slab.memory }
  const { id, slab: its, ...place } = description
  // Memory that a message names once crosses once.
  const shared = its.id === own.id ? own : { id: its.id, memory: its.memory }
  return { slab: own, at, description: { id, slab: shared, at: place.at, length: place.length } }
}
