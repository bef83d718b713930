// What people ask of a model's folder: what is in it, what would run it, and why nothing faster.

import {
  checkpointFault,
  type Fingerprint,
  type PythonFunction,
  pythonFunctionsIn,
  readFingerprint,
  type SavedModel,
  SavedModelError,
  tagSetsIn,
} from '@drover/saved-model'
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
import { ModelFolder } from './model-folder.ts'
import type { EngineName } from './servable.ts'

const FINGERPRINT = 'fingerprint.pb'
/** It has a hundred. */
const FINGERPRINT_BYTES_MAX = 65_536

/** One graph of a SavedModel. */
export interface InspectedGraph {
  savedModel: SavedModel
  /** Graphs behind it with the same tags: nobody can ask for them. */
  hidden: number
  /** What would run it; undefined: nothing may. */
  engine: EngineName | undefined
  /** Why nothing may run it, or why the faster engines do not. */
  reasons: { engine?: EngineName; reason: string }[]
  /** What Python calls beside the signatures; undefined where there is none of it, or what cannot be read. */
  functions?: readonly PythonFunction[]
}

export interface Inspection {
  /** Of all files that an engine reads. */
  sizeBytes: number
  graphs: InspectedGraph[]
  /** Undefined where there is no such file; a damaged one is no fault of the model. */
  fingerprint?: Fingerprint | { fault: string }
}

/**
 * Looks at a SavedModel's folder without running anything of it, with the eyes of a server that allows
 * these unsafe operations. Throws LOAD_FAILED for what is none.
 */
export const inspectModel = async (
  directory: string,
  allowedOperations?: readonly string[],
): Promise<Inspection> => {
  const inspection = inspectBytes(directory, await readModelBytes(directory), allowedOperations)
  const fingerprint = await fingerprintOf(directory)
  return { ...inspection, ...(fingerprint !== undefined && { fingerprint }) }
}

async function fingerprintOf(directory: string): Promise<Inspection['fingerprint']> {
  try {
    const folder = new ModelFolder(directory)
    if (!(await folder.has(FINGERPRINT))) return undefined
    return readFingerprint(await folder.read(FINGERPRINT, FINGERPRINT_BYTES_MAX))
  } catch (error) {
    // What is refused and what the system says have a code.
    if (!(error instanceof Error && 'code' in error)) throw error
    return { fault: `${FINGERPRINT} cannot be read: ${error.message}` }
  }
}

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
    ...functionsIn(bytes, tags),
    ...inspectGraph(directory, bytes, { tags, allowedOperations }),
  }))
  return { sizeBytes: bytes.sizeBytes, graphs }
}

/** No server looks at them, so that a damaged one is no fault of the model. */
function functionsIn({ graph }: ModelBytes, tags: string[]): Pick<InspectedGraph, 'functions'> {
  try {
    const functions = pythonFunctionsIn(graph, tags)
    return functions === undefined ? {} : { functions }
  } catch (error) {
    if (error instanceof SavedModelError) return {}
    throw error
  }
}

function tagSetsOf(directory: string, { graph }: ModelBytes): string[][] {
  try {
    const found = tagSetsIn(graph)
    if (found.length > 0) return found
  } catch (cause) {
    throw new InferenceError('LOAD_FAILED', 'saved_model.pb holds no SavedModel', { cause })
  }
  throw new InferenceError('LOAD_FAILED', `the SavedModel in ${directory} holds no graph`)
}

function inspectGraph(
  directory: string,
  bytes: ModelBytes,
  { tags, allowedOperations }: Reading,
): Omit<InspectedGraph, 'hidden' | 'functions'> {
  const files = outlineModel(directory, bytes, tags)
  const { savedModel } = files
  const fault = faultOf(bytes, files, allowedOperations)
  if (fault !== undefined) return { savedModel, engine: undefined, reasons: [{ reason: fault }] }
  try {
    const choice = choose(savedModel, 'auto', new KernelMemory())
    if (choice.engine === 'kernel') choice.kernel.free()
    const cause = choice.engine === 'tensorflow' ? checkpointFault(savedModel) : undefined
    if (cause !== undefined)
      throw new InferenceError('LOAD_FAILED', 'the variables cannot be restored', { cause })
    return { savedModel, engine: choice.engine, reasons: [...choice.passedOver] }
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error
    return { savedModel, engine: undefined, reasons: [{ reason: causeOf(error) }] }
  }
}
