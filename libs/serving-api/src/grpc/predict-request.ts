// Predict by hand, straight from the bytes: the generated codec takes many times as long for tensors.

import type { Tensor } from '../tensor.ts'
import { RequestBudget } from '../wire/budget.ts'
import { Pieces } from '../wire/pieces.ts'
import { WireReader, WireType } from '../wire/reader.ts'
import { decodeTensorProto } from '../wire/tensor-decode.ts'
import { decodeModelSpec, type ModelSpec } from './model-spec.ts'

/** Of `PredictRequest`. */
const SPEC = 1
const INPUTS = 2
const OUTPUT_FILTER = 3
/** Of an entry of a map. */
const KEY = 1
const VALUE = 2

/** A PredictRequest. */
export interface PredictRequest {
  /** Undefined if the request has none, which is a mistake of its own. */
  spec: ModelSpec | undefined
  /** By alias. They may share memory with the message. */
  inputs: Record<string, Tensor>
  /**
   * The aliases of inputs that are no tensors. Upstream comes to this after it has found model and
   * signature: `fitPredict` throws.
   */
  faults: Set<string>
  outputFilter: string[]
}

/**
 * Reads a PredictRequest. Throws `ServingError` for bytes that are none, and `ManyStrings` where there
 * are more than `stringsMax`.
 */
export function decodePredictRequest(message: Uint8Array, stringsMax?: number): PredictRequest {
  // A Buffer's parts are Buffers, and those are costly to make.
  const bytes = new Uint8Array(message.buffer, message.byteOffset, message.length)
  const reader = new WireReader(bytes)
  const request: PredictRequest = {
    spec: undefined,
    inputs: {},
    faults: new Set(),
    outputFilter: [],
  }
  const budget = new RequestBudget(stringsMax)
  const spec = new Pieces()
  while (reader.next()) {
    const { field } = reader
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (field === INPUTS) addInput(request, reader.readBytes(), budget)
    else if (field === SPEC) spec.add(reader.readBytes())
    else if (field === OUTPUT_FILTER) {
      budget.takeName()
      request.outputFilter.push(reader.readText())
    } else reader.skip()
  }
  if (!spec.isEmpty) request.spec = decodeModelSpec(spec.join())
  return request
}

/** The last entry with a key is the one that counts. */
function addInput(request: PredictRequest, entry: Uint8Array, budget: RequestBudget): void {
  budget.takeName()
  const reader = new WireReader(entry)
  let alias = ''
  const value = new Pieces()
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (reader.field === KEY) alias = reader.readText()
    else if (reader.field === VALUE) value.add(reader.readBytes())
    else reader.skip()
  }
  // An object cannot have this key as one of its own in every way of copying it, and no signature has it.
  const tensor = alias === '__proto__' ? undefined : decodeTensorProto(value.join(), budget)
  if (tensor === undefined) {
    request.faults.add(alias)
    delete request.inputs[alias]
    return
  }
  if (request.faults.size > 0) request.faults.delete(alias)
  request.inputs[alias] = tensor
}
