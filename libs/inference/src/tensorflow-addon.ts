// The native addon of tfjs-node, without tfjs: it loads in half the time, and its own calls carry
// int64 and truth values exactly where tfjs would narrow them to int32. Only child processes may
// import this: a graph that crashes takes its process with it.

import { createRequire } from 'node:module'
import { DataType, type Tensor } from '@drover/serving-api'
import { InferenceError } from './errors.ts'

interface TensorHandle {
  id: number
  shape: number[]
  /** TensorFlow's number of the element type. */
  dtype: number
}

/** The part of tfjs-node's binding that is used here (`binding/tfjs_backend.cc`). */
interface Addon {
  TF_ATTR_TYPE: number
  createTensor(shape: readonly number[], dtype: number, values: object): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): unknown
  executeOp(op: string, attrs: object[], inputs: number[], outputs: number): TensorHandle[]
  loadSavedModel(directory: string, tags: string): number
  deleteSavedModel(id: number): void
  runSavedModel(id: number, tensors: number[], inputs: string, outputs: string): TensorHandle[]
}

const ADDON = '@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node'
let loaded: Addon | undefined

/** Loads TensorFlow, once: half a second. UNAVAILABLE where it was not set up. */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded
  try {
    const addon: Addon = createRequire(import.meta.url)(ADDON)
    loaded = addon
    return addon
  } catch (cause) {
    throw new InferenceError('UNAVAILABLE', 'TensorFlow cannot be loaded on this machine', {
      cause,
    })
  }
}

/** Loads a SavedModel's graph with the tag `serve`; its number. */
export function loadModel(directory: string): number {
  const addon = loadAddon()
  try {
    return addon.loadSavedModel(directory, 'serve')
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
    for (const { tensor } of inputs) ids.push(createTensor(tensor))
    const names = inputs.map(({ name }) => portOf(name)).join(',')
    const handles =
      wanted.length === 0
        ? []
        : addon.runSavedModel(model, ids, names, wanted.map(portOf).join(','))
    ids.push(...handles.map(({ id }) => id))
    const answers = new Map(handles.map((handle, index) => [wanted[index], readTensor(handle)]))
    return outputs.map((name) => {
      const found = fed.get(portOf(name)) ?? answers.get(name)
      if (found === undefined) throw new InferenceError('RUN_FAILED', `${name} has no value`)
      return found
    })
  } catch (cause) {
    if (cause instanceof InferenceError) throw cause
    throw new InferenceError('RUN_FAILED', 'TensorFlow failed on these inputs', { cause })
  } finally {
    for (const id of ids) addon.deleteTensor(id)
  }
}

/** The addon needs the port of every name. */
const portOf = (name: string): string => (name.includes(':') ? name : `${name}:0`)

function createTensor(tensor: Tensor): number {
  const { dtype, shape, values } = tensor
  switch (dtype) {
    case 'DT_INT64':
      return createWords(shape, values)
    case 'DT_DOUBLE': {
      const words = createWords(shape, values)
      try {
        return bitcast(words, { from: 'DT_INT64', to: 'DT_DOUBLE' })
      } finally {
        loadAddon().deleteTensor(words)
      }
    }
    case 'DT_FLOAT':
    case 'DT_INT32':
    case 'DT_BOOL':
    case 'DT_STRING':
      return loadAddon().createTensor(shape, DataType[dtype], values)
  }
}

/** The addon takes an int64 as two int32, and has no door for doubles but this one. */
function createWords(shape: readonly number[], values: BigInt64Array | Float64Array): number {
  const words = new Int32Array(values.slice().buffer)
  return loadAddon().createTensor(shape, DataType.DT_INT64, words)
}

/** The same bits as another type, in a new tensor. */
function bitcast(id: number, { from, to }: { from: DataType; to: DataType }): number {
  const addon = loadAddon()
  const type = addon.TF_ATTR_TYPE
  const attrs = [
    { name: 'T', type, value: DataType[from] },
    { name: 'type', type, value: DataType[to] },
  ]
  const [made] = addon.executeOp('Bitcast', attrs, [id], 1)
  if (made === undefined) throw new InferenceError('RUN_FAILED', 'Bitcast gave nothing')
  return made.id
}

function readTensor({ id, shape, dtype }: TensorHandle): Tensor {
  const addon = loadAddon()
  if (dtype === DataType.DT_DOUBLE) {
    const words = bitcast(id, { from: 'DT_DOUBLE', to: 'DT_INT64' })
    try {
      const data = addon.tensorDataSync(words)
      if (data instanceof BigInt64Array)
        return { dtype: 'DT_DOUBLE', shape, values: new Float64Array(data.buffer) }
    } finally {
      addon.deleteTensor(words)
    }
  }
  const data = addon.tensorDataSync(id)
  if (data instanceof Float32Array) return { dtype: 'DT_FLOAT', shape, values: data }
  if (data instanceof Int32Array) return { dtype: 'DT_INT32', shape, values: data }
  if (data instanceof BigInt64Array) return { dtype: 'DT_INT64', shape, values: data }
  if (data instanceof Uint8Array && dtype === DataType.DT_BOOL)
    return { dtype: 'DT_BOOL', shape, values: data }
  if (dtype === DataType.DT_STRING && Array.isArray(data))
    return { dtype: 'DT_STRING', shape, values: data.filter((each) => each instanceof Uint8Array) }
  throw new InferenceError(
    'RUN_FAILED',
    `an output has the element type number ${dtype}, which is not carried`,
  )
}
