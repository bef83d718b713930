// What runs a model, and why nothing faster does: decided here for all who load, inspect or judge one.

import { reasonOf } from '@drover/basics'
import {
  type SavedModel,
  SavedModelError,
  type TranslationData,
  untranslatedIn,
} from '@drover/saved-model'
import { InferenceError } from './errors.ts'
import { compileKernels, type KernelModel } from './kernel/compile.ts'
import type { KernelMemory } from './kernel/memory.ts'
import type { EngineName } from './servable.ts'
import { translateForOnnx } from './translate-for-onnx.ts'

/** What may run a model: `fast` is a kernel or onnx, `onnx` never a kernel, `auto` anything. */
export type EngineChoice = 'auto' | 'fast' | 'onnx' | 'tensorflow'

/** Why an engine that would be faster does not run a model: it names the operation and the node. */
export interface PassedOver {
  engine: EngineName
  reason: string
}

/** The engine that runs a model with what it was prepared for, and those that were passed over. */
export type Choice = { passedOver: readonly PassedOver[] } & (
  | { engine: 'kernel'; kernel: KernelModel }
  | { engine: 'onnx'; translation: TranslationData }
  | { engine: 'tensorflow' }
)

/**
 * Takes the fastest engine among those asked for that supports every node. Kernels are put into
 * `memory`. Throws UNTRANSLATABLE when only TensorFlow is able and was not asked for, and LOAD_FAILED
 * for what no engine can run.
 */
export function choose(savedModel: SavedModel, asked: EngineChoice, memory: KernelMemory): Choice {
  const passedOver: PassedOver[] = []
  if (asked === 'tensorflow') return { engine: 'tensorflow', passedOver }
  if (asked !== 'onnx') {
    const kernel = compiled(savedModel, memory)
    if (!('reason' in kernel)) return { engine: 'kernel', kernel, passedOver }
    passedOver.push({ engine: 'kernel', reason: kernel.reason })
  }
  try {
    return { engine: 'onnx', translation: translateForOnnx(savedModel), passedOver }
  } catch (error) {
    return { engine: 'tensorflow', passedOver: [...passedOver, passedOverBy(error, asked)] }
  }
}

/**
 * The same of a model whose variables and assets were not read: undefined where they have to be, for
 * `choose` to tell.
 */
export function chooseUnread(savedModel: SavedModel, asked: EngineChoice): Choice | undefined {
  if (asked === 'tensorflow') return { engine: 'tensorflow', passedOver: [] }
  const reason = asked === 'auto' ? untranslatedIn(savedModel)?.message : undefined
  if (reason === undefined) return undefined
  const passedOver = (['kernel', 'onnx'] as const).map((engine) => ({ engine, reason }))
  return { engine: 'tensorflow', passedOver }
}

/** Why TensorFlow takes a model that onnx gave up. Throws the error again where it may not. */
export function passedOverBy(error: unknown, asked: EngineChoice): PassedOver {
  const isOther = error instanceof InferenceError && error.code === 'UNTRANSLATABLE'
  if (!isOther || asked !== 'auto') throw error
  return { engine: 'onnx', reason: causeOf(error) }
}

function compiled(savedModel: SavedModel, memory: KernelMemory): KernelModel | { reason: string } {
  try {
    return compileKernels(savedModel, memory)
  } catch (cause) {
    if (!(cause instanceof SavedModelError)) throw cause
    throw new InferenceError('LOAD_FAILED', 'the model cannot be compiled', { cause })
  }
}

/** What lies behind an error says which node it is about, or which file and what of it. */
export const causeOf = (error: Error): string =>
  reasonOf(error.cause instanceof Error ? error.cause : error)
