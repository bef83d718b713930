// Requests of Classify, Regress and MultiInference. Their examples are not parsed: the model does that.

import { withContext } from '../examples/example-bytes.ts'
import type { InferenceTask } from '../inference/infer.ts'
import { RequestBudget } from '../wire/budget.ts'
import { Pieces } from '../wire/pieces.ts'
import { WireReader, WireType } from '../wire/reader.ts'
import { decodeModelSpec, type ModelSpec } from './model-spec.ts'

/** A ClassificationRequest or a RegressionRequest. */
export interface InferenceRequest {
  /** Undefined if the request has none, which is a mistake of its own. */
  spec: ModelSpec | undefined
  /** Serialized, each with the context; there may be none. */
  examples: readonly Uint8Array[]
}

/** Of ClassificationRequest and RegressionRequest. */
const SPEC = 1
/** Of MultiInferenceRequest. */
const TASKS = 1
/** Of all three. */
const INPUT = 2

/** Reads a ClassificationRequest or RegressionRequest. Throws `ServingError` for bytes that are none. */
export function decodeInferenceRequest(message: Uint8Array): InferenceRequest {
  const reader = new WireReader(asPlainBytes(message))
  const spec = new Pieces()
  const input = new Pieces()
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (reader.field === SPEC) spec.add(reader.readBytes())
    else if (reader.field === INPUT) input.add(reader.readBytes())
    else reader.skip()
  }
  return {
    spec: spec.isEmpty ? undefined : decodeModelSpec(spec.join()),
    examples: decodeInput(input.join()),
  }
}

/** A MultiInferenceRequest. */
export interface MultiInferenceRequest {
  tasks: InferenceTask[]
  examples: readonly Uint8Array[]
}

/** Reads a MultiInferenceRequest. Throws `ServingError` for bytes that are none. */
export function decodeMultiInferenceRequest(message: Uint8Array): MultiInferenceRequest {
  const reader = new WireReader(asPlainBytes(message))
  const budget = new RequestBudget()
  const tasks: InferenceTask[] = []
  const input = new Pieces()
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (reader.field === TASKS) {
      budget.takeName()
      tasks.push(decodeTask(reader.readBytes()))
    } else if (reader.field === INPUT) input.add(reader.readBytes())
    else reader.skip()
  }
  return { tasks, examples: decodeInput(input.join()) }
}

/** A Buffer's parts are Buffers, and those are costly to make. */
const asPlainBytes = ({ buffer, byteOffset, length }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length)

function decodeTask(message: Uint8Array): InferenceTask {
  const reader = new WireReader(message)
  const spec = new Pieces()
  let methodName = ''
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (reader.field === 1) spec.add(reader.readBytes())
    else if (reader.field === 2) methodName = reader.readText()
    else reader.skip()
  }
  return { spec: decodeModelSpec(spec.join()), methodName }
}

/** Of `Input`, which is one of the two. */
const EXAMPLE_LIST = 1
const EXAMPLE_LIST_WITH_CONTEXT = 2
/** Of both lists, and of the second one. */
const EXAMPLES = 1
const CONTEXT = 2

/** The examples of an `Input`: of the two kinds the one that comes last counts. */
function decodeInput(message: Uint8Array): readonly Uint8Array[] {
  const reader = new WireReader(message)
  let kind = 0
  const list = new Pieces()
  while (reader.next()) {
    const { field } = reader
    const isKind = field === EXAMPLE_LIST || field === EXAMPLE_LIST_WITH_CONTEXT
    if (!isKind || reader.type !== WireType.BYTES) {
      reader.skip()
      continue
    }
    if (field !== kind) list.clear()
    kind = field
    list.add(reader.readBytes())
  }
  return decodeExampleList(list.join(), kind === EXAMPLE_LIST_WITH_CONTEXT)
}

function decodeExampleList(message: Uint8Array, hasContext: boolean): readonly Uint8Array[] {
  const reader = new WireReader(message)
  const budget = new RequestBudget()
  const examples: Uint8Array[] = []
  const context = new Pieces()
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (reader.field === EXAMPLES) {
      budget.takeStrings(1)
      examples.push(reader.readBytes())
    } else if (reader.field === CONTEXT && hasContext) context.add(reader.readBytes())
    else reader.skip()
  }
  return withContext(context.join(), examples)
}
