import type { SignatureDef, Tensor } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { portOf, type SavedModel } from './graph.ts'
import { untranslatable } from './node-attrs.ts'
import {
  keepsRank,
  needsRank,
  type NumericType,
  type NumericValue,
  OnnxBuilder,
  onnxOpOf,
} from './onnx/index.ts'
import { canonical } from './flatten.ts'
import { inliner } from './inline.ts'
import { neededOf, type Partition, partition, type Placed } from './partition.ts'
import { MEASURES } from './program/told-ahead.ts'
import { Plan, valueOf } from './program/plan.ts'
import { Constants, type Program, ProgramBuilder } from './program/program.ts'
import { staticShapes } from './static-shapes.ts'
import { toValue, type Value } from './values.ts'

/** The numeric part of a signature, as an ONNX model. */
export interface OnnxModel {
  /** Equal numeric parts have equal bytes, whichever signature they are of. */
  bytes: Uint8Array<ArrayBuffer>
  outputs: readonly string[]
}

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
  program: Program
  /** How many of the program's steps come before the ONNX model. */
  middle: number
  /** What the ONNX model takes and gives: its names, and the program's slots. */
  feeds: readonly { slot: number; name: string }[]
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
    const parts = partition(neededOf(flat))
    return [name, { ...translateSignature(flat.signature, { parts, constants }), signature }]
  })
  return { signatures: Object.fromEntries(translated), constants: constants.values }
}

function translateSignature(
  signature: SignatureDef,
  { parts, constants }: { parts: Partition; constants: Constants },
): TranslatedData {
  const numeric = translateNumeric(signature, parts)
  const builder = new ProgramBuilder(parts.constants, constants)
  for (const placed of [...parts.prelude, ...parts.postlude]) builder.addNode(placed)
  const slotsOf = (names: ReadonlyMap<string, string> = new Map<string, string>()) =>
    Array.from(names, ([key, name]) => ({ slot: builder.slotOf(key), name }))
  const [feeds, fetches] = [slotsOf(numeric?.feeds), slotsOf(numeric?.fetches)]
  return {
    signature,
    model: numeric?.model,
    program: builder.build(signature),
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
    const fed = feeds.map(({ slot, name }) => [name, numericOf(valueOf(slots, slot))])
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

function numericOf(value: Value): NumericValue {
  if (value.dtype === 'DT_STRING')
    throw new SavedModelError('INVALID_INPUT', 'text cannot be calculated with')
  return value
}

interface Numeric {
  model: OnnxModel
  feeds: ReadonlyMap<string, string>
  fetches: ReadonlyMap<string, string>
}

function translateNumeric(signature: SignatureDef, parts: Partition): Numeric | undefined {
  if (parts.numeric.length === 0) return undefined
  const onnx = new OnnxBuilder()
  const names = new Map<string, string>()
  const feeds = new Map<string, string>()
  const made = new Map<string, Placed>()
  const ranks = ranksOf(signature, parts.numeric)
  const nodes = [...parts.prelude, ...parts.numeric].map(({ node }) => node)
  const shapeOf = staticShapes(signature, { constants: parts.constants, nodes })
  const sizes = new Set<string>()
  const isSize = (key: string) => parts.constants.has(key) || sizes.has(portOf(key).node)
  for (const placed of parts.numeric) {
    const { node, inputs } = placed
    const translateOp = onnxOpOf(node.op)
    if (translateOp === undefined) throw untranslatable(node, 'it has no translation')
    for (const key of inputs) {
      if (names.has(key)) continue
      const constant = parts.constants.get(key)
      if (constant !== undefined) {
        // Text only reaches the nodes of the prelude and the postlude.
        names.set(key, onnx.constant(numericOf(constant)))
        continue
      }
      const name = onnx.input(numericTypeOf(parts, key, node), ranks.get(key))
      names.set(key, name)
      feeds.set(key, name)
    }
    const outputs = translateOp({
      node,
      onnx,
      inputs: inputs.map((key) => names.get(key) ?? ''),
      constant: (index) => parts.constants.get(inputs[index] ?? ''),
      shape: (index) => shapeOf(inputs[index] ?? ''),
      result: shapeOf(`${node.name}:0`),
      producer: (index) => made.get(inputs[index] ?? '')?.node,
      isSize: (index) => isSize(inputs[index] ?? ''),
    })
    if (MEASURES.has(node.op) || inputs.every(isSize)) sizes.add(node.name)
    for (const [port, name] of [outputs].flat().entries()) {
      names.set(`${node.name}:${port}`, name)
      made.set(`${node.name}:${port}`, placed)
    }
  }
  return { feeds, ...fetch(signature, parts, { onnx, names, made }) }
}

/**
 * The ranks that the ONNX model insists on, of the inputs by which they matter. A signature's shape
 * binds nobody: requests may bring another one, and the graph says whether it can be worked with.
 * Where ONNX would take more than TensorFlow does, the signature's rank is the one it takes.
 */
function ranksOf(signature: SignatureDef, numeric: readonly Placed[]): Map<string, number> {
  const bound = new Set<string>()
  for (const { node, inputs } of numeric.toReversed()) {
    const isBound = needsRank(node.op) || (keepsRank(node.op) && bound.has(`${node.name}:0`))
    if (isBound) for (const key of inputs) bound.add(key)
  }
  const ranks = new Map<string, number>()
  for (const { name, shape } of Object.values(signature.inputs))
    if (shape !== undefined && bound.has(canonical(name))) ranks.set(canonical(name), shape.length)
  return ranks
}

/** Declares as outputs what the postlude and the signature need. */
function fetch(
  signature: SignatureDef,
  parts: Partition,
  {
    onnx,
    names,
    made,
  }: { onnx: OnnxBuilder; names: ReadonlyMap<string, string>; made: ReadonlyMap<string, Placed> },
): Omit<Numeric, 'feeds'> {
  const wanted = [
    ...parts.postlude.flatMap(({ inputs }) => inputs),
    ...Object.values(signature.outputs).map(({ name }) => canonical(name)),
  ]
  const fetches = new Map<string, string>()
  for (const key of wanted) {
    const placed = made.get(key)
    const name = names.get(key)
    if (placed === undefined || name === undefined || fetches.has(key)) continue
    onnx.output(name, numericTypeOf(parts, key, placed.node))
    fetches.set(key, name)
  }
  return { fetches, model: { bytes: onnx.build(), outputs: [...fetches.values()] } }
}

function numericTypeOf({ types }: Partition, key: string, node: Placed['node']): NumericType {
  const type = types.get(key)
  if (type === undefined || type === 'DT_STRING')
    throw untranslatable(node, `the tensor ${key} has no numeric type`)
  return type
}
