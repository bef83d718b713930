// Requests and answers between threads, each as one ArrayBuffer that is handed over and not copied
// again: a header of doubles, then the tensors' values. Both sides know the model's signatures, so
// aliases cross as their places in them.
//
//   call     id, model, deadline, signature, n, n wanted outputs, tensors
//   answer   id, tensors
//   tensors  n, then of each: alias, element type, offset, values, rank, dimensions

import { strict as assert } from 'node:assert'
import {
  bytesOf,
  DATA_TYPES,
  type DataType,
  type NumericType,
  type SignatureDef,
  type Tensor,
  type TensorOf,
} from '@drover/serving-api'
import type { Tensors } from '../servable.ts'

const WORD_BYTES = 8
const CALL_WORDS = 5
const TENSOR_WORDS = 5
/** Stands for `all` where wanted outputs are counted. */
const ALL = -1

type ViewMaker = (
  shape: readonly number[],
  buffer: ArrayBuffer,
  place: { at: number; count: number },
) => Tensor

const viewOf =
  <D extends NumericType>(
    dtype: D,
    ArrayType: new (buffer: ArrayBuffer, at: number, count: number) => TensorOf<D>['values'],
  ) =>
  (
    shape: readonly number[],
    buffer: ArrayBuffer,
    { at, count }: { at: number; count: number },
  ): TensorOf<D> => ({ dtype, shape, values: new ArrayType(buffer, at, count) })

const VIEWS: Readonly<Record<DataType, ViewMaker>> = {
  DT_FLOAT: viewOf('DT_FLOAT', Float32Array),
  DT_DOUBLE: viewOf('DT_DOUBLE', Float64Array),
  DT_INT32: viewOf('DT_INT32', Int32Array),
  DT_UINT8: viewOf('DT_UINT8', Uint8Array),
  DT_INT16: viewOf('DT_INT16', Int16Array),
  DT_INT8: viewOf('DT_INT8', Int8Array),
  DT_COMPLEX64: viewOf('DT_COMPLEX64', Float32Array),
  DT_INT64: viewOf('DT_INT64', BigInt64Array),
  DT_BOOL: viewOf('DT_BOOL', Uint8Array),
  DT_BFLOAT16: viewOf('DT_BFLOAT16', Uint16Array),
  DT_UINT16: viewOf('DT_UINT16', Uint16Array),
  DT_COMPLEX128: viewOf('DT_COMPLEX128', Float64Array),
  DT_HALF: viewOf('DT_HALF', Uint16Array),
  DT_UINT32: viewOf('DT_UINT32', Uint32Array),
  DT_UINT64: viewOf('DT_UINT64', BigUint64Array),
  DT_STRING: viewTexts,
}

/** Texts lie as their lengths, four bytes each, and then their bytes. */
function viewTexts(
  shape: readonly number[],
  buffer: ArrayBuffer,
  { at, count }: { at: number; count: number },
): TensorOf<'DT_STRING'> {
  const lengths = new Uint32Array(buffer, at, count)
  const values: Uint8Array[] = []
  let next = at + lengths.byteLength
  for (const length of lengths) {
    values.push(new Uint8Array(buffer, next, length))
    next += length
  }
  return { dtype: 'DT_STRING', shape, values }
}

/** A signature's names by their places in a message. */
export interface Places {
  signature: string
  index: number
  inputs: readonly string[]
  outputs: readonly string[]
}

/** The places of all signatures, in order. */
export function placesOf(signatures: Readonly<Record<string, SignatureDef>>): Places[] {
  return Object.entries(signatures).map(([signature, { inputs, outputs }], index) => ({
    signature,
    index,
    inputs: Object.keys(inputs),
    outputs: Object.keys(outputs),
  }))
}

/** What is at the head of a call; the tensors are read when its turn comes. */
export interface CallHead {
  id: number
  model: number
  /** On the clock that all threads share; Infinity for none. */
  deadline: number
  buffer: ArrayBuffer
}

/** A call, ready to be run. */
export interface OpenCall {
  signature: Places
  inputs: Tensors
  outputs: readonly string[] | undefined
}

/** Writes a call. Inputs must be of the signature; outputs that it does not have are left out. */
export function writeCall(
  { id, model, deadline }: Omit<CallHead, 'buffer'>,
  { signature, inputs, outputs }: OpenCall,
): ArrayBuffer {
  const wanted = outputs
    ?.map((alias) => signature.outputs.indexOf(alias))
    .filter((place) => place >= 0)
  const head = [id, model, deadline, signature.index, wanted?.length ?? ALL, ...(wanted ?? [])]
  return write(head, signature.inputs, inputs)
}

/** Reads the head of a call. */
export function readCallHead(buffer: ArrayBuffer): CallHead {
  const [id = 0, model = 0, deadline = 0] = new Float64Array(buffer, 0, CALL_WORDS)
  return { id, model, deadline, buffer }
}

/** Reads a call of a model with these signatures; tensors lie in its buffer. */
export function readCall({ buffer }: CallHead, signatures: readonly Places[]): OpenCall {
  const words = wordsOf(buffer)
  const signature = signatures[words[3] ?? ALL]
  assert(signature, 'a call names one of the signatures that both sides know')
  const count = words[4] ?? ALL
  const outputs =
    count === ALL
      ? undefined
      : Array.from(
          words.subarray(CALL_WORDS, CALL_WORDS + count),
          (place) => signature.outputs[place] ?? '',
        )
  const inputs = readTensors(buffer, CALL_WORDS + Math.max(0, count), signature.inputs)
  return { signature, inputs, outputs }
}

/** Writes an answer. */
export function writeAnswer(id: number, { outputs }: Places, answers: Tensors): ArrayBuffer {
  return write([id], outputs, answers)
}

/** The request that is answered. */
export const readAnswerId = (buffer: ArrayBuffer): number => new Float64Array(buffer, 0, 1)[0] ?? 0

/** Reads an answer; tensors lie in its buffer. */
export const readAnswer = (buffer: ArrayBuffer, { outputs }: Places): Tensors =>
  readTensors(buffer, 1, outputs)

/** All whole words from the start: the header's are among them. */
const wordsOf = (buffer: ArrayBuffer): Float64Array =>
  new Float64Array(buffer, 0, Math.floor(buffer.byteLength / WORD_BYTES))

function write(head: readonly number[], aliases: readonly string[], tensors: Tensors): ArrayBuffer {
  const present: { place: number; tensor: Tensor; bytes: number }[] = []
  let words = head.length + 1
  let payload = 0
  for (const [place, alias] of aliases.entries()) {
    const tensor = tensors[alias]
    if (tensor === undefined) continue
    const bytes = bytesIn(tensor)
    present.push({ place, tensor, bytes })
    words += TENSOR_WORDS + tensor.shape.length
    payload += bytes
  }
  const buffer = new ArrayBuffer(words * WORD_BYTES + payload)
  const header = new Float64Array(buffer, 0, words)
  header.set(head)
  let word = head.length
  header[word++] = present.length
  let at = words * WORD_BYTES
  for (const { place, tensor, bytes } of present) {
    header[word++] = place
    header[word++] = DATA_TYPES.indexOf(tensor.dtype)
    header[word++] = at
    header[word++] = tensor.values.length
    header[word++] = tensor.shape.length
    header.set(tensor.shape, word)
    word += tensor.shape.length
    fill(buffer, at, tensor)
    at += bytes
  }
  return buffer
}

/** What a tensor takes, in whole words, so that each begins at one. */
function bytesIn(tensor: Tensor): number {
  const bytes =
    tensor.dtype === 'DT_STRING'
      ? tensor.values.reduce(
          (sum, text) => sum + Uint32Array.BYTES_PER_ELEMENT + text.byteLength,
          0,
        )
      : tensor.values.byteLength
  return Math.ceil(bytes / WORD_BYTES) * WORD_BYTES
}

function fill(buffer: ArrayBuffer, at: number, tensor: Tensor): void {
  const bytes = new Uint8Array(buffer, at)
  if (tensor.dtype !== 'DT_STRING') {
    bytes.set(bytesOf(tensor))
    return
  }
  const lengths = new Uint32Array(buffer, at, tensor.values.length)
  let next = lengths.byteLength
  for (const [index, text] of tensor.values.entries()) {
    lengths[index] = text.byteLength
    bytes.set(text, next)
    next += text.byteLength
  }
}

function readTensors(buffer: ArrayBuffer, from: number, aliases: readonly string[]): Tensors {
  const words = wordsOf(buffer)
  const tensors: Tensors = {}
  let word = from
  for (let left = words[word++] ?? 0; left > 0; left--) {
    const alias = aliases[words[word] ?? 0] ?? ''
    const dtype = DATA_TYPES[words[word + 1] ?? 0] ?? 'DT_FLOAT'
    const place = { at: words[word + 2] ?? 0, count: words[word + 3] ?? 0 }
    const end = word + TENSOR_WORDS + (words[word + 4] ?? 0)
    const shape = Array.from(words.subarray(word + TENSOR_WORDS, end))
    tensors[alias] = VIEWS[dtype](shape, buffer, place)
    word = end
  }
  return tensors
}
