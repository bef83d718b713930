import type { SignatureDef, Tensor } from '@drover/serving-api'
import { portOf, type SavedModel } from './graph.ts'
import { inliner } from './inline.ts'
import { neededOf, type Partition, partition } from './partition.ts'
import { Plan, valueOf } from './program/plan.ts'
import { Constants, type Program, ProgramBuilder } from './program/program.ts'
import { sizedByValues } from './program/told-ahead.ts'
import { numericOf, type OnnxModel, translateNumeric } from './translate-numeric.ts'
import { toValue, type Value, type ValueType, zeros } from './values.ts'

/** One request on its way through a translated signature. */
export interface TranslatedRun {
  /** What the ONNX model is to be given, by its names. */
  feeds: Readonly<Record<string, Tensor>>
  /** Takes the ONNX model's outputs, by its names, and gives those of the signature. */
  finish(answers: Readonly<Record<string, Tensor>>): Record<string, Tensor>
}

/** A signature that runs without TensorFlow: `begin`, then the ONNX model if there is one, then `finish`. */
export interface TranslatedSignature {
  signature: SignatureDef
  /** Undefined when nothing numeric is to be done. */
  model: OnnxModel | undefined
  /** Whether numbers, and not sizes alone, say how large its tensors become. */
  isSizedByValues: boolean
  /** Inputs have been checked against the signature. Throws INVALID_INPUT when the text part cannot take them. */
  begin: (inputs: Readonly<Record<string, Tensor>>) => TranslatedRun
}

/** A SavedModel that runs without TensorFlow. */
export interface Translation {
  signatures: Readonly<Record<string, TranslatedSignature>>
}

/** A translated signature as plain data. */
interface TranslatedData {
  signature: SignatureDef
  model: OnnxModel | undefined
  isSizedByValues: boolean
  program: Program
  /** How many of the program's steps come before the ONNX model. */
  middle: number
  /**
   * What the ONNX model takes and gives: its names, and the program's slots. Where a branch has not been
   * taken, it is fed something of this type that it does not look at.
   */
  feeds: readonly { slot: number; name: string; unless?: ValueType | undefined }[]
  fetches: readonly { slot: number; name: string }[]
}

/** A translation as plain data: it may be sent to another thread. */
export interface TranslationData {
  signatures: Readonly<Record<string, TranslatedData>>
  constants: readonly Value[]
}

/**
 * Translates every signature of a SavedModel; nodes that a signature does not need are left out.
 * Throws `SavedModelError` UNTRANSLATABLE, naming the node and its operation.
 */
export function translate(savedModel: SavedModel): Translation {
  return openTranslation(translateToData(savedModel))
}

/** The same as plain data, to be opened by `openTranslation`. */
export function translateToData(model: SavedModel): TranslationData {
  const constants = new Constants()
  const inline = inliner(model)
  const translated = Object.entries(model.signatures).map(([name, signature]) => {
    const flat = inline(signature)
    const needed = neededOf(flat)
    const isSizedByValues = sizedByValues(needed) !== undefined
    const parts = partition(needed)
    const data = translateSignature(flat.signature, { parts, constants, declared: signature })
    return [name, { ...data, isSizedByValues, signature }]
  })
  return { signatures: Object.fromEntries(translated), constants: constants.values }
}

function translateSignature(
  signature: SignatureDef,
  {
    parts,
    constants,
    declared,
  }: { parts: Partition; constants: Constants; declared: SignatureDef },
): Omit<TranslatedData, 'isSizedByValues'> {
  const numeric = translateNumeric(signature, parts)
  const builder = new ProgramBuilder(parts.constants, constants)
  for (const placed of [...parts.prelude, ...parts.postlude]) builder.addNode(placed)
  const inBranches = new Set(
    parts.prelude.flatMap(({ node, scope }) => (scope === undefined ? [] : [node.name])),
  )
  const feeds = Array.from(numeric?.feeds ?? [], ([key, name]) => ({
    slot: builder.slotOf(key),
    name,
    unless: inBranches.has(portOf(key).node) ? parts.types.get(key) : undefined,
  }))
  const fetches = Array.from(numeric?.fetches ?? [], ([key, name]) => ({
    slot: builder.slotOf(key),
    name,
  }))
  return {
    signature,
    model: numeric?.model,
    program: builder.build(signature, declared),
    middle: parts.prelude.length,
    feeds,
    fetches,
  }
}

/** Makes a translation ready to run. Throws `SavedModelError` UNTRANSLATABLE. */
export function openTranslation({ signatures, constants }: TranslationData): Translation {
  const opened = Object.entries(signatures).map(([name, data]) => [
    name,
    {
      signature: data.signature,
      model: data.model,
      isSizedByValues: data.isSizedByValues,
      begin: beginOf(new Plan(data.program, { constants }), data),
    },
  ])
  return { signatures: Object.fromEntries(opened) }
}

/** Holds on to nothing of the model but the plan. */
function beginOf(
  plan: Plan,
  { middle, feeds, fetches }: Pick<TranslatedData, 'middle' | 'feeds' | 'fetches'>,
): TranslatedSignature['begin'] {
  return (inputs) => {
    const slots = plan.start(inputs)
    plan.run(slots, 0, middle)
    const fed = feeds.map(({ slot, name, unless }) => {
      const isMissing = unless !== undefined && slots[slot] === undefined
      return [name, numericOf(isMissing ? zeros(unless, [0]) : valueOf(slots, slot))]
    })
    return {
      feeds: Object.fromEntries(fed),
      finish(answers) {
        for (const { slot, name } of fetches) {
          const answer = answers[name]
          if (answer !== undefined) slots[slot] = toValue(answer)
        }
        plan.run(slots, middle)
        return plan.finish(slots)
      },
    }
  }
}
