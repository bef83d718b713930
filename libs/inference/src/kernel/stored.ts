// A model as it lies in shared memory: a description as bytes, then constants, weights and biases.
// Whoever opens it reads the description, once, when the model is first asked.

import { deserialize, serialize } from 'node:v8'
import type { DenseLayer, Program, Value } from '@drover/saved-model'
import type { SignatureDef } from '@drover/serving-api'
import type { PlacedLayer } from './layers.ts'
import { aligned } from './slab.ts'
import type { WasmMemory } from './wasm.ts'

type ArrayType = Exclude<Value['dtype'], 'DT_STRING'>
/** Numbers in memory; places are counted from where the model's data begins, in bytes. */
type SharedValue = { dtype: ArrayType; shape: readonly number[]; place: number; length: number }

/** A constant as the description has it: small ones and text themselves, others by their place; none that only layers use. */
export type StoredConstant = Value | SharedValue | undefined

/** The description. */
export interface StoredModel {
  signatures: Readonly<Record<string, SignatureDef>>
  programs: Readonly<Record<string, Program>>
  constants: readonly StoredConstant[]
  /** Where the packed weights and biases of layers are, by `weightsKey` and `biasKey`. */
  places: ReadonlyMap<string, number>
}

/** Equal for layers that can use the same packed weights. */
export const weightsKey = ({ weights, isTransposed }: DenseLayer): string =>
  `weights ${weights} ${isTransposed}`

/** Equal for layers that can use the same bias; without one it is as many zeros. */
export const biasKey = ({ bias, outputs }: DenseLayer): string =>
  bias === undefined ? `zeros ${outputs}` : `bias ${bias}`

/** Where a model is. */
export interface StoredAt {
  memory: WasmMemory
  at: number
  /** Of the description. */
  length: number
}

/** The description as bytes, and how far its data begins after their start. */
export function encodeStored(model: StoredModel): { bytes: Uint8Array; dataFrom: number } {
  const bytes = serialize(model)
  return { bytes, dataFrom: aligned(bytes.length) }
}

/** Reads the description. */
export function readStored({ memory, at, length }: StoredAt): StoredModel {
  // Read from a copy: shared memory is not for decoders.
  const model: StoredModel = deserialize(new Uint8Array(memory.buffer, at, length).slice())
  return model
}

/** A constant for kernels: its numbers stay where they are. */
export function openConstant(
  constant: StoredConstant,
  { memory, at, length }: StoredAt,
): Value | undefined {
  if (constant === undefined || !('place' in constant)) return constant
  const { dtype, shape, place } = constant
  const from = at + aligned(length) + place
  switch (dtype) {
    case 'DT_FLOAT':
      return { dtype, shape, values: new Float32Array(memory.buffer, from, constant.length) }
    case 'DT_DOUBLE':
      return { dtype, shape, values: new Float64Array(memory.buffer, from, constant.length) }
    case 'DT_INT32':
      return { dtype, shape, values: new Int32Array(memory.buffer, from, constant.length) }
    case 'DT_INT64':
      return { dtype, shape, values: new BigInt64Array(memory.buffer, from, constant.length) }
    case 'DT_BOOL':
      return { dtype, shape, values: new Uint8Array(memory.buffer, from, constant.length) }
  }
}

/** A layer by its places in memory. */
export function placeLayer(
  layer: DenseLayer,
  { places }: StoredModel,
  { at, length }: StoredAt,
): PlacedLayer {
  const data = at + aligned(length)
  return {
    ...layer,
    weightsAt: data + (places.get(weightsKey(layer)) ?? 0),
    biasAt: data + (places.get(biasKey(layer)) ?? 0),
  }
}

/** Numbers that may be put into shared memory. */
export type NumericValue = Exclude<Value, { dtype: 'DT_STRING' }>
