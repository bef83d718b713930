// Models on the wire, also such as nothing of ours writes.

import { Buffer } from 'node:buffer'
import { PREDICT_METHOD } from './graph.ts'
import { WireWriter } from './wire.ts'

export const [FLOAT, INT32, TEXT] = [1, 3, 7]

export const message = (): WireWriter => new WireWriter()
export const named = (name: string): WireWriter => message().bytes(1, name)
export const entry = (key: string, value: WireWriter): WireWriter => named(key).message(2, value)
export const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

export const type = (number: number): WireWriter => message().varint(6, number)
const calling = (name: string): WireWriter => message().message(10, named(name))
export function tensor(
  dtype: number,
  sizes: readonly (number | bigint)[],
  more = message(),
): WireWriter {
  return message().message(8, tensorOf(dtype, sizes).raw(more.finish()))
}

export type Attrs = Readonly<Record<string, WireWriter>>
export function node(name: string, op: string, inputs: readonly string[] = [], attrs: Attrs = {}) {
  const writer = named(name).bytes(2, op)
  for (const input of inputs) writer.bytes(3, input)
  for (const [key, value] of Object.entries(attrs)) writer.message(5, entry(key, value))
  return writer
}
export const constant = (name: string, dtype: number, value: WireWriter) =>
  node(name, 'Const', [], { dtype: type(dtype), value })
export const call = (name: string, called: string, inputs: readonly string[]) =>
  node(name, 'PartitionedCall', inputs, { f: calling(called) })

/** A function of an argument `x`, which gives this tensor. */
export function func(name: string, nodes: readonly WireWriter[], result = 'x'): WireWriter {
  const signature = named(name).message(2, named('x')).message(3, named('y'))
  const writer = message().message(1, signature)
  for (const each of nodes) writer.message(3, each)
  return writer.message(4, named('y').bytes(2, result))
}

export const info = (name: string): WireWriter => named(name).varint(2, FLOAT).message(3, message())
export const signature = (...outputs: string[]): WireWriter => {
  const writer = message().message(1, entry('x', info('x:0')))
  for (const [at, name] of outputs.entries()) writer.message(2, entry(`y${at}`, info(name)))
  return writer.bytes(3, PREDICT_METHOD)
}

export interface Parts {
  nodes?: readonly WireWriter[]
  functions?: readonly WireWriter[]
  /** Fields of the graph. */
  graph?: WireWriter
  outputs?: readonly string[]
  more?: WireWriter
}

/** Nodes that have a name of six digits and nothing else, as fields of this number. */
export function manyNodes(field: number, count: number): WireWriter {
  const text = times(count).map(
    (at) => `${String.fromCharCode(8 * field + 2)}\b\n\u0006${100_000 + at}`,
  )
  return message().raw(Buffer.from(text.join(''), 'latin1'))
}

/** A model that answers `x` with these tensors. */
export function model({
  nodes = [],
  functions = [],
  graph = message(),
  outputs = ['y:0'],
  more = message(),
}: Parts) {
  graph.message(1, node('x', 'Placeholder', [], { dtype: type(FLOAT) }))
  for (const each of nodes) graph.message(1, each)
  const library = message()
  for (const each of functions) library.message(1, each)
  const metaGraph = message()
    .message(1, message().bytes(4, 'serve'))
    .message(2, graph.message(2, library))
    .message(5, entry('main', signature(...outputs)))
    .raw(more.finish())
  return message().message(2, metaGraph).finish()
}

/** For those that do not go by way of an attribute. */
export function tensorOf(dtype: number, sizes: readonly (number | bigint)[]): WireWriter {
  const shape = message()
  for (const size of sizes) shape.message(2, message().varint(1, size))
  return message().varint(1, dtype).message(2, shape)
}
export const entryOf = (key: string, value: WireWriter): Uint8Array => entry(key, value).finish()
