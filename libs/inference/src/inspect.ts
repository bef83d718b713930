// What people ask of a model's folder: what is in it, what would run it, and why nothing faster.

import { type SavedModel, tagSetsIn } from '@drover/saved-model'
import { causeOf, choose } from './choice.ts'
import { InferenceError } from './errors.ts'
import { KernelMemory } from './kernel/memory.ts'
import {
  asBytes,
  faultOf,
  type ModelBytes,
  type Reading,
  outlineModel,
  readModelBytes,
} from './model-files.ts'
import type { EngineName } from './servable.ts'

/** One graph of a SavedModel. */
export interface InspectedGraph {
  savedModel: SavedModel
  /** Graphs behind it with the same tags: nobody can ask for them. */
  hidden: number
  /** What would run it; undefined: nothing may. */
  engine: EngineName | undefined
  /** Why nothing may run it, or why the faster engines do not. */
  reasons: { engine?: EngineName; reason: string }[]
}

export interface Inspection {
  /** Of all files that an engine reads. */
  sizeBytes: number
  graphs: InspectedGraph[]
}

/**
 * Looks at a SavedModel's folder without running anything of it, with the eyes of a server that allows
 * these unsafe operations. Throws LOAD_FAILED for what is none.
 */
export const inspectModel = async (
  directory: string,
  allowedOperations?: readonly string[],
): Promise<Inspection> =>
  inspectBytes(directory, await readModelBytes(directory), allowedOperations)

/** The same of what was read of it. */
export function inspectBytes(
  directory: string,
  read: ModelBytes,
  allowedOperations?: readonly string[],
): Inspection {
  const bytes = asBytes(directory, read)
  const byTags = new Map<string, { tags: string[]; hidden: number }>()
  for (const tags of tagSetsOf(directory, bytes)) {
    const key = JSON.stringify([...new Set(tags)].toSorted())
    const known = byTags.get(key)
    if (known === undefined) byTags.set(key, { tags, hidden: 0 })
    else known.hidden += 1
  }
  const graphs = Array.from(byTags.values(), ({ tags, hidden }) => ({
    hidden,
    ...inspectGraph(directory, bytes, { tags, allowedOperations }),
  }))
  return { sizeBytes: bytes.sizeBytes, graphs }
}

function tagSetsOf(directory: string, { graph }: ModelBytes): string[][] {
  try {
    const found = tagSetsIn(graph)
    if (found.length > 0) return found
  } catch (cause) {
    throw new InferenceError('LOAD_FAILED', `${directory} holds no SavedModel`, { cause })
  }
  throw new InferenceError('LOAD_FAILED', `the SavedModel in ${directory} holds no graph`)
}

function inspectGraph(
  directory: string,
  bytes: ModelBytes,
  { tags, allowedOperations }: Reading,
): Omit<InspectedGraph, 'hidden'> {
  const files = outlineModel(directory, bytes, tags)
  const { savedModel } = files
  const fault = faultOf(bytes, files, allowedOperations)
  if (fault !== undefined) return { savedModel, engine: undefined, reasons: [{ reason: fault }] }
  try {
    const choice = choose(savedModel, 'auto', new KernelMemory())
    if (choice.engine === 'kernel') choice.kernel.free()
    return { savedModel, engine: choice.engine, reasons: [...choice.passedOver] }
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error
    return { savedModel, engine: undefined, reasons: [{ reason: causeOf(error) }] }
  }
}
