// What models of the same graph have in common: all but their weights. It lies in shared memory once
// for all of them, and each thread reads it once.

import { threadId } from 'node:worker_threads'
import type { Block, KernelMemory } from './memory.ts'
import { openSlab, type SlabMessage } from './slab.ts'
import { encodeStored, nameOf, readStored, type StoredModel } from './stored.ts'
import { Weakly } from './weakly.ts'

/** Where to find a description. */
export interface DescriptionMessage {
  /** Different for every description of the process, also for those that lie where another one was. */
  id: string
  slab: SlabMessage
  /** In bytes. */
  at: number
  length: number
}

/** A description as one thread sees it. */
export class Description implements DescriptionMessage {
  readonly id: string
  readonly slab: SlabMessage
  readonly at: number
  readonly length: number
  #stored: StoredModel | undefined

  constructor({ id, slab, at, length }: DescriptionMessage) {
    this.id = id
    this.slab = openSlab(slab)
    this.at = at
    this.length = length
  }

  get isRead(): boolean {
    return this.#stored !== undefined
  }

  /** What it says; read when it is wanted first. */
  get stored(): StoredModel {
    if (this.#stored !== undefined) return this.#stored
    // Read from a copy: shared memory is not for decoders.
    const bytes = new Uint8Array(this.slab.memory.buffer, this.at, this.length).slice()
    this.#stored = readStored(bytes)
    return this.#stored
  }
}

const opened = new Weakly<Description>()

/** The description of a message; the same for all models that have it. */
export const openDescription = (message: DescriptionMessage): Description =>
  opened.get(message.id, () => new Description(message))

interface Kept extends DescriptionMessage {
  /** Undefined for one that is never shared. */
  name: string | undefined
  block: Block
  models: number
}

let descriptionsMade = 0

/** All descriptions in some memory, each as long as a model has it. */
export class Descriptions {
  readonly #memory: KernelMemory
  /** By `nameOf`. */
  readonly #kept = new Map<string, Kept>()

  constructor(memory: KernelMemory) {
    this.#memory = memory
  }

  /** Counts a model that has this description; the function that is returned counts it off. */
  take(model: StoredModel): { message: DescriptionMessage; leave: () => void } {
    const name = nameOf(model)
    const known = name === undefined ? undefined : this.#kept.get(name)
    const kept = known ?? this.#keep(name, encodeStored(model))
    kept.models++
    return { message: kept, leave: () => this.#leave(kept) }
  }

  #leave(kept: Kept): void {
    if (--kept.models > 0) return
    if (kept.name !== undefined) this.#kept.delete(kept.name)
    this.#memory.free(kept.block)
  }

  #keep(name: string | undefined, bytes: Uint8Array): Kept {
    const block = this.#memory.allocate(bytes.length)
    const { at, slab } = block
    new Uint8Array(slab.memory.buffer, at, bytes.length).set(bytes)
    const id = `${threadId}.${++descriptionsMade}`
    const kept = { id, name, slab, at, length: bytes.length, block, models: 0 }
    if (name !== undefined) this.#kept.set(name, kept)
    return kept
  }
}
