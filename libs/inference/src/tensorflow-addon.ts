// The native addon of tfjs-node, without tfjs: it loads in half the time, and its own calls carry
// every element type exactly where tfjs would narrow some. Only child processes may import this: a
// graph that crashes takes its process with it.

import { createRequire } from 'node:module'
import { SERVE_TAGS } from '@drover/saved-model'
import type { Tensor } from '@drover/serving-api'
import { z } from 'zod'
import { InferenceError } from './errors.ts'
import { checkStill } from './model-folder.ts'
import { withMended } from './tensorflow-mended.ts'
import type { ModelSource } from './tensorflow-terms.ts'
import {
  createTensor,
  readTensor,
  type TensorAddon,
  type TensorHandle,
} from './tensorflow-tensors.ts'

/** The part of tfjs-node's binding that is used here (`binding/tfjs_backend.cc`). */
interface Addon extends TensorAddon {
  loadSavedModel(directory: string, tags: string): number
  deleteSavedModel(id: number): void
  runSavedModel(id: number, tensors: number[], inputs: string, outputs: string): TensorHandle[]
}

const ADDON = '@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node'
let loaded: Addon | undefined

const NoAddon = z.union([
  z.object({ code: z.literal('MODULE_NOT_FOUND') }),
  z.object({ code: z.literal('ERR_DLOPEN_FAILED'), message: z.string().regex(/No such file/) }),
])

/** Loads TensorFlow, once: half a second. NOT_SET_UP where it is not, UNAVAILABLE where it does not start. */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded
  try {
    const addon: Addon = createRequire(import.meta.url)(ADDON)
    loaded = addon
    return addon
  } catch (cause) {
    throw unloaded(cause)
  }
}

/** Why the addon cannot be loaded. A library of it that is not there is an addon that was not set up. */
export function unloaded(cause: unknown): InferenceError {
  const message = 'TensorFlow cannot be loaded on this machine'
  if (!NoAddon.safeParse(cause).success)
    return new InferenceError('UNAVAILABLE', message, { cause })
  const how = new Error('it is not set up: npm run setup does it, or an image that has it')
  return new InferenceError('NOT_SET_UP', message, { cause: how })
}

/** Loads a SavedModel's graph with exactly these tags, from files with these stamps; its number. */
export async function loadModel(
  directory: string,
  {
    tags = SERVE_TAGS,
    needsMending = false,
    stamps = new Map(),
  }: Partial<Pick<ModelSource, 'tags' | 'needsMending' | 'stamps'>>,
): Promise<number> {
  const addon = loadAddon()
  const load = (from: string) => addon.loadSavedModel(from, tags.join(','))
  try {
    const model = needsMending ? await withMended(directory, tags, load) : load(directory)
    await checkStill(directory, stamps).catch((error: unknown) => {
      addon.deleteSavedModel(model)
      throw error
    })
    return model
  } catch (cause) {
    throw new InferenceError('LOAD_FAILED', `TensorFlow cannot load ${directory}`, { cause })
  }
}

export function unloadModel(model: number): void {
  loadAddon().deleteSavedModel(model)
}

/** A tensor by its name in the graph, with the port. */
export interface NamedTensor {
  name: string
  tensor: Tensor
}

/** Runs a loaded graph. The calling thread waits. Throws RUN_FAILED. */
export function runModel(
  model: number,
  inputs: readonly NamedTensor[],
  outputs: readonly string[],
): Tensor[] {
  const addon = loadAddon()
  // TensorFlow refuses to hand back what it was fed.
  const fed = new Map(inputs.map(({ name, tensor }) => [portOf(name), tensor]))
  const wanted = outputs.filter((name) => !fed.has(portOf(name)))
  const ids: number[] = []
  try {
    for (const { tensor } of inputs) ids.push(createTensor(addon, tensor))
    const names = inputs.map(({ name }) => portOf(name)).join(',')
    const handles =
      wanted.length === 0
        ? []
        : addon.runSavedModel(model, ids, names, wanted.map(portOf).join(','))
    ids.push(...handles.map(({ id }) => id))
    const answers = new Map(
      handles.map((handle, index) => [wanted[index], readTensor(addon, handle)]),
    )
    return outputs.map((name) => {
      const found = fed.get(portOf(name)) ?? answers.get(name)
      if (found === undefined) throw new InferenceError('RUN_FAILED', `${name} has no value`)
      return found
    })
  } catch (cause) {
    if (cause instanceof InferenceError) throw cause
    throw new InferenceError('RUN_FAILED', wordsOf(cause))
  } finally {
    for (const id of ids) addon.deleteTensor(id)
  }
}

/** What the addon puts before TensorFlow's own words, which callers of TensorFlow Serving know. */
const OF_THE_ADDON = /^(Session fail to run with error: |Invalid TF_Status: \d+\nMessage: )/

function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(OF_THE_ADDON, '')
}

/** The addon needs the port of every name. */
const portOf = (name: string): string => (name.includes(':') ? name : `${name}:0`)
