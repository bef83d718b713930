import { reasonOf } from '@drover/basics'
import {
  compileModel,
  type CompiledModel,
  copied,
  type DenseLayer,
  type Program,
  type SavedModel,
  SavedModelError,
  type Value,
} from '@drover/saved-model'
import { bytesOf } from '@drover/serving-api'
import { biasLength, MULTIPLY_ADDS_MAX, packWeights, rowsThrough, weightsLength } from './layers.ts'
import type { KernelMemory } from './memory.ts'
import { aligned } from './slab.ts'
import { biasKey, type StoredConstant, weightsKey } from './stored.ts'
import { type KernelMessage, messageOf } from './types.ts'

/** Constants up to this are kept with the description of the model. */
const SMALL_BYTES = 256
const FLOAT_BYTES = 4

/** A model in shared memory. */
export interface KernelModel {
  message: KernelMessage
  /** What it takes of the memory, without the description that it may share with others. */
  residentBytes: number
  /** Gives the memory back; nobody may run the model any more. */
  free: () => void
}

/**
 * Puts a model into shared memory when kernels run all its signatures at an acceptable cost; otherwise
 * gives the reason why not. Throws `SavedModelError` for what no engine can run.
 */
export function compileKernels(
  savedModel: SavedModel,
  memory: KernelMemory,
): KernelModel | { reason: string } {
  const compiled = compileOrReason(savedModel)
  if ('reason' in compiled) return compiled
  const layout = layOut(compiled)
  const { signatures } = savedModel
  const { programs } = compiled
  const { constants, places, finite } = layout
  const block = memory.allocate(layout.size)
  const described = { signatures, programs, constants, places, finite }
  const { message: description, leave } = memory.descriptions.take(described)
  const { buffer } = block.slab.memory
  for (const { place, write } of layout.pieces) write(buffer, block.at + place)
  let isFree = false
  return {
    message: messageOf(block, description),
    residentBytes: block.size,
    free: () => {
      if (isFree) return
      isFree = true
      memory.free(block)
      leave()
    },
  }
}

function compileOrReason(savedModel: SavedModel): CompiledModel | { reason: string } {
  try {
    const compiled = compileModel(savedModel)
    const cost = Math.max(0, ...Object.values(compiled.programs).map(multiplyAdds))
    if (cost > MULTIPLY_ADDS_MAX) return { reason: `a row costs ${cost} multiply-adds` }
    const isWide = chainsOf(compiled).some((layers) => rowsThrough(layers) < 1)
    return isWide ? { reason: 'a layer is too wide' } : compiled
  } catch (error) {
    if (error instanceof SavedModelError && error.code === 'UNTRANSLATABLE')
      return { reason: reasonOf(error) }
    throw error
  }
}

const chainsOf = ({ programs }: CompiledModel): (readonly DenseLayer[])[] =>
  Object.values(programs).flatMap(chainsIn)

const chainsIn = ({ steps }: Program): (readonly DenseLayer[])[] =>
  steps.flatMap((step) => (step.kind === 'dense' ? [step.layers] : []))

const multiplyAdds = (program: Program): number =>
  chainsIn(program)
    .flat()
    .reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0)

/** Something to be written into memory. */
interface Piece {
  place: number
  write: (buffer: SharedArrayBuffer, at: number) => void
}

/** What goes where, counted from where the model's data begins. */
class Layout {
  readonly pieces: Piece[] = []
  readonly places = new Map<string, number>()
  readonly finite: string[] = []
  constants: StoredConstant[] = []
  size = 0

  add(bytes: number, write: Piece['write']): number {
    const place = this.size
    this.pieces.push({ place, write })
    this.size += aligned(bytes)
    return place
  }

  /** Places floats once for each key; whether this is the first time. */
  addFloats(key: string, length: number, fill: (to: Float32Array) => void): boolean {
    if (this.places.has(key)) return false
    const place = this.add(length * FLOAT_BYTES, (buffer, at) =>
      fill(new Float32Array(buffer, at, length)),
    )
    this.places.set(key, place)
    return true
  }
}

function layOut(compiled: CompiledModel): Layout {
  const layout = new Layout()
  for (const layer of chainsOf(compiled).flat()) addLayer(layout, layer, compiled.constants)
  const used = new Set(
    Object.values(compiled.programs).flatMap(({ constants }) =>
      constants.map(({ constant }) => constant),
    ),
  )
  layout.constants = compiled.constants.map((value, number) =>
    used.has(number) ? storedConstant(layout, value) : undefined,
  )
  return layout
}

function addLayer(layout: Layout, layer: DenseLayer, constants: readonly Value[]): void {
  const weights = floatsOf(constants[layer.weights])
  const bias = layer.bias === undefined ? new Float32Array() : floatsOf(constants[layer.bias])
  const key = weightsKey(layer)
  const pack = (to: Float32Array) => packWeights(to, weights, layer)
  const isNew = layout.addFloats(key, weightsLength(layer), pack)
  if (isNew && areFinite(weights)) layout.finite.push(key)
  layout.addFloats(biasKey(layer), biasLength(layer), (to) => {
    to.fill(0)
    to.set(bias)
  })
}

/** By one sum, which is fast: NaN and what is infinite make it NaN. */
function areFinite(values: Float32Array): boolean {
  let sum = 0
  for (let index = 0; index < values.length; index++) sum += (values[index] ?? 0) * 0
  return sum === 0
}

function floatsOf(value: Value | undefined): Float32Array {
  if (value?.dtype !== 'DT_FLOAT')
    throw new SavedModelError('UNTRANSLATABLE', 'the weights of a layer are not floats')
  return value.values
}

/** Larger numbers in memory; the rest in the description. */
function storedConstant(layout: Layout, value: Value): StoredConstant {
  if (value.dtype === 'DT_STRING') return value
  const { dtype, shape, values } = value
  // Copied, since a view would be written with all that is around it.
  if (values.byteLength <= SMALL_BYTES) return copied(value)
  const from = bytesOf(value)
  const place = layout.add(values.byteLength, (buffer, at) =>
    new Uint8Array(buffer, at, from.length).set(from),
  )
  return { dtype, shape, place, length: values.length }
}
