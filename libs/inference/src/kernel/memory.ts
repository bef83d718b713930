import { threadId } from 'node:worker_threads'
import { Descriptions } from './description.ts'
import { FreeList, type Stretch } from './free-list.ts'
import { aligned, forgetThread, MODELS_AT, type SlabMessage } from './slab.ts'
import { shareMemory } from './wasm.ts'

/** What the models of one slab may take together. */
const SLAB_BYTES = 64 * 2 ** 20
/** A model above this gets a slab of its own, or it would leave much of the next one empty. */
const OWN_SLAB_BYTES = SLAB_BYTES / 4

interface OwnedSlab extends SlabMessage {
  free: FreeList
  isShared: boolean
}

/** Memory that holds a model, until it is given back. */
export interface Block extends Stretch {
  slab: SlabMessage
}

let slabsMade = 0

/**
 * The shared memory of all models that run in kernels. One thread owns it, and takes and gives back; all
 * may read. A slab that is empty is let go of but for one spare; the system has its memory back once
 * every thread has collected its garbage.
 */
export class KernelMemory {
  readonly #slabs = new Set<OwnedSlab>()
  /** Those of the models. */
  readonly descriptions = new Descriptions(this)
  #usedBytes = 0

  /** What models take, in bytes. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** How many slabs there are. */
  get slabs(): number {
    return this.#slabs.size
  }

  /** Memory for a model; nobody else is given it before it is freed. */
  allocate(bytes: number): Block {
    // A stretch of nothing would be in nobody's way, and so in no list either.
    const size = aligned(Math.max(1, bytes))
    const slab = this.#fitting(size) ?? this.#add(size)
    const at = slab.free.allocate(size)
    if (at === undefined) throw new RangeError(`${size} bytes do not fit into a slab`)
    this.#usedBytes += size
    return { slab, at, size }
  }

  #fitting(size: number): OwnedSlab | undefined {
    let [best, least]: [OwnedSlab | undefined, number] = [undefined, Infinity]
    if (size > OWN_SLAB_BYTES) return undefined
    for (const slab of this.#slabs) {
      const fit = slab.isShared ? (slab.free.fit(size) ?? Infinity) : Infinity
      if (fit < least) [best, least] = [slab, fit]
    }
    return best
  }

  #add(size: number): OwnedSlab {
    const isShared = size <= OWN_SLAB_BYTES
    const bytes = MODELS_AT + (isShared ? SLAB_BYTES : size)
    const slab: OwnedSlab = {
      id: `${threadId}.${++slabsMade}`,
      memory: shareMemory(bytes),
      free: new FreeList(MODELS_AT, bytes),
      isShared,
    }
    this.#slabs.add(slab)
    return slab
  }

  /** Gives a model's memory back; nobody may run it any more. */
  free({ slab: { id }, ...stretch }: Block): void {
    for (const slab of this.#slabs) {
      if (slab.id !== id) continue
      slab.free.free(stretch)
      this.#usedBytes -= stretch.size
      const isSpare = slab.isShared && !this.#hasSpareBeside(slab)
      if (slab.free.isEmpty && !isSpare) this.#slabs.delete(slab)
    }
  }

  #hasSpareBeside(slab: OwnedSlab): boolean {
    return [...this.#slabs].some((other) => other !== slab && other.isShared && other.free.isEmpty)
  }

  /** To be told of every thread that has ended and ran models: its place is for another one. */
  forgetThread(thread: number): void {
    for (const { memory } of this.#slabs) forgetThread(memory, thread)
  }
}
