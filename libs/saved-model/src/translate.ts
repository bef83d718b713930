import type { SignatureDef, Tensor } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import type { SavedModel } from './graph.ts'
import { untranslatable } from './node-attrs.ts'
import { type NumericType, type NumericValue, OnnxBuilder, onnxOpOf } from './onnx/index.ts'
import { canonical, type Partition, partition, type Placed, type Step } from './partition.ts'
import { toTensor, toValue, type Value } from './values.ts'

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

/**
 * Translates every signature of a SavedModel; nodes that a signature does not need are left out.
 * Throws `SavedModelError` UNTRANSLATABLE, naming the node and its operation.
 */
export function translate({ graph, signatures }: SavedModel): Translation {
  return {
    signatures: Object.fromEntries(
      Object.entries(signatures).map(([name, signature]) => [
        name,
        translateSignature(signature, partition(graph, signature)),
      ]),
    ),
  }
}

function translateSignature(signature: SignatureDef, parts: Partition): TranslatedSignature {
  const numeric = translateNumeric(signature, parts)
  const plan: Plan = {
    signature,
    prelude: parts.prelude,
    postlude: parts.postlude,
    constants: keptConstants(signature, parts),
    feeds: numeric?.feeds ?? new Map(),
    fetches: numeric?.fetches ?? new Map(),
  }
  return { signature, model: numeric?.model, begin: (inputs) => begin(plan, inputs) }
}

/** What running a signature needs; the weights are in the ONNX model alone. */
interface Plan {
  signature: SignatureDef
  prelude: readonly Step[]
  postlude: readonly Step[]
  constants: ReadonlyMap<string, Value>
  /** From tensors of the graph to names of the ONNX model. */
  feeds: ReadonlyMap<string, string>
  fetches: ReadonlyMap<string, string>
}

function keptConstants(signature: SignatureDef, parts: Partition): Map<string, Value> {
  const { prelude, postlude, constants } = parts
  const used = new Set([
    ...[...prelude, ...postlude].flatMap(({ inputs }) => inputs),
    ...Object.values(signature.outputs).map(({ name }) => canonical(name)),
  ])
  return new Map([...constants].filter(([key]) => used.has(key)))
}

function begin(plan: Plan, inputs: Readonly<Record<string, Tensor>>): TranslatedRun {
  const values = new Map<string, Value>(plan.constants)
  for (const [alias, { name }] of Object.entries(plan.signature.inputs)) {
    const tensor = inputs[alias]
    if (tensor === undefined)
      throw new SavedModelError('INVALID_INPUT', `the input ${alias} is missing`)
    values.set(canonical(name), toValue(tensor))
  }
  runSteps(plan.prelude, values)
  const feeds = Array.from(plan.feeds, ([key, name]) => [name, numericOf(valueOf(values, key))])
  return {
    feeds: Object.fromEntries(feeds),
    finish(answers) {
      for (const [key, name] of plan.fetches) {
        const answer = answers[name]
        if (answer !== undefined) values.set(key, toValue(answer))
      }
      runSteps(plan.postlude, values)
      const outputs = Object.entries(plan.signature.outputs).map(([alias, { name }]) => [
        alias,
        toTensor(valueOf(values, canonical(name))),
      ])
      return Object.fromEntries(outputs)
    },
  }
}

function valueOf(values: ReadonlyMap<string, Value>, key: string): Value {
  const value = values.get(key)
  if (value === undefined)
    throw new SavedModelError('NOT_A_SAVED_MODEL', `no node has the output ${key}`)
  return value
}

function numericOf(value: Value): NumericValue {
  if (value.dtype === 'DT_STRING')
    throw new SavedModelError('INVALID_INPUT', 'text cannot be calculated with')
  return value
}

function runSteps(steps: readonly Step[], values: Map<string, Value>): void {
  for (const { label, inputs, outputs, run } of steps) {
    try {
      const results = run(inputs.map((key) => valueOf(values, key)))
      for (const [port, result] of results.entries()) values.set(outputs[port] ?? '', result)
    } catch (cause) {
      if (!(cause instanceof SavedModelError)) throw cause
      throw new SavedModelError(cause.code, `${label} failed`, { cause })
    }
  }
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
  const shapes = new Map(
    Object.values(signature.inputs).map(({ name, shape }) => [canonical(name), shape]),
  )
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
      const name = onnx.input(numericTypeOf(parts, key, node), shapes.get(key))
      names.set(key, name)
      feeds.set(key, name)
    }
    const outputs = translateOp({
      node,
      onnx,
      inputs: inputs.map((key) => names.get(key) ?? ''),
      constant: (index) => parts.constants.get(inputs[index] ?? ''),
    })
    for (const [port, name] of [outputs].flat().entries()) {
      names.set(`${node.name}:${port}`, name)
      made.set(`${node.name}:${port}`, placed)
    }
  }
  return { feeds, ...fetch(signature, parts, { onnx, names, made }) }
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
