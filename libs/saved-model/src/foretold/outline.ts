// What an ONNX model says of its nodes, and of its constants as far as they tell how large tensors become.

import { fieldsOf, readFields, textOf } from '../wire.ts'
import { type NumericType, typeOfElement } from '../onnx/model.ts'

/** Constants with more elements say nothing of sizes but their own. */
const VALUES_MAX = 64

/** A tensor with the numbers in it, where they are few. */
export interface OutlineConstant {
  name: string
  dtype: NumericType
  dims: number[]
  values?: number[]
}

export interface OutlineNode {
  op: string
  /** The number of what it is made for, among the model's sources. */
  source: number
  inputs: string[]
  outputs: string[]
  numbers: Record<string, number>
  lists: Record<string, number[]>
  texts: Record<string, string>
  tensors: Record<string, OutlineConstant>
  graphs: Record<string, OutlineGraph>
}

export interface OutlineGraph {
  nodes: OutlineNode[]
  constants: OutlineConstant[]
  inputs: { name: string; dtype: NumericType }[]
  outputs: string[]
}

/** Reads the bytes of an ONNX model that this library has written. */
export function outlineOf(bytes: Uint8Array): OutlineGraph {
  for (const { bytes: graph } of fieldsOf(bytes, 7)) return graphOf(graph)
  return { nodes: [], constants: [], inputs: [], outputs: [] }
}

function graphOf(bytes: Uint8Array): OutlineGraph {
  const graph: OutlineGraph = { nodes: [], constants: [], inputs: [], outputs: [] }
  for (const field of readFields(bytes)) {
    if (field.number === 1) graph.nodes.push(nodeOf(field.bytes))
    if (field.number === 5) graph.constants.push(constantOf(field.bytes))
    if (field.number === 11)
      graph.inputs.push({ name: textOf(field.bytes, 1), dtype: typeOfInput(field.bytes) })
    if (field.number === 12) graph.outputs.push(textOf(field.bytes, 1))
  }
  return graph
}

function nodeOf(bytes: Uint8Array): OutlineNode {
  const node: OutlineNode = {
    op: '',
    source: NaN,
    inputs: [],
    outputs: [],
    numbers: {},
    lists: {},
    texts: {},
    tensors: {},
    graphs: {},
  }
  for (const field of readFields(bytes)) {
    if (field.number === 1) node.inputs.push(field.text)
    if (field.number === 2) node.outputs.push(field.text)
    if (field.number === 3) node.source = parseInt(field.text.slice(1), 10)
    if (field.number === 4) node.op = field.text
    if (field.number === 5) takeAttribute(node, field.bytes)
  }
  return node
}

function takeAttribute(node: OutlineNode, bytes: Uint8Array): void {
  const name = textOf(bytes, 1)
  const list: number[] = []
  for (const field of readFields(bytes)) {
    if (field.number === 3) node.numbers[name] = Number(field.int)
    if (field.number === 4) node.texts[name] = field.text
    if (field.number === 5) node.tensors[name] = constantOf(field.bytes)
    if (field.number === 6) node.graphs[name] = graphOf(field.bytes)
    if (field.number === 8) list.push(...Array.from(field.ints(), Number))
  }
  if (list.length > 0) node.lists[name] = list
}

function typeOfInput(bytes: Uint8Array): NumericType {
  for (const { bytes: type } of fieldsOf(bytes, 2))
    for (const { bytes: tensor } of fieldsOf(type, 1))
      for (const { int } of fieldsOf(tensor, 1)) return typeOfElement(Number(int))
  return 'DT_FLOAT'
}

function constantOf(bytes: Uint8Array): OutlineConstant {
  const constant: OutlineConstant = { name: '', dtype: 'DT_FLOAT', dims: [] }
  let raw: Uint8Array = new Uint8Array()
  for (const field of readFields(bytes)) {
    if (field.number === 1) constant.dims.push(...Array.from(field.ints(), Number))
    if (field.number === 2) constant.dtype = typeOfElement(Number(field.int))
    if (field.number === 8) constant.name = field.text
    if (field.number === 9) raw = field.bytes
  }
  const count = constant.dims.reduce((all, size) => all * size, 1)
  if (count <= VALUES_MAX) constant.values = numbersIn(raw, constant.dtype)
  return constant
}

function numbersIn(bytes: Uint8Array, dtype: NumericType): number[] {
  const { buffer } = new Uint8Array(bytes)
  if (dtype === 'DT_INT64') return Array.from(new BigInt64Array(buffer), Number)
  if (dtype === 'DT_INT32') return Array.from(new Int32Array(buffer))
  if (dtype === 'DT_FLOAT') return Array.from(new Float32Array(buffer))
  if (dtype === 'DT_DOUBLE') return Array.from(new Float64Array(buffer))
  return Array.from(new Uint8Array(buffer))
}
