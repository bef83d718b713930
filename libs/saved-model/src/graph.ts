import { strict as assert } from 'node:assert'
import type { Bundle } from './bundle/index.ts'
import type { DataType, SignatureDef, Tensor, TypeName } from '@drover/serving-api'

/** The value of a node's attribute; what this lib has no use for is kept as its bytes. */
export type AttrValue =
  | { kind: 'string'; value: Uint8Array }
  | { kind: 'int'; value: bigint }
  | { kind: 'float'; value: number }
  | { kind: 'bool'; value: boolean }
  | { kind: 'type'; value: DataType }
  | { kind: 'shape'; value: readonly number[] | undefined }
  | { kind: 'tensor'; value: Tensor }
  | { kind: 'ints'; value: readonly bigint[] }
  | { kind: 'types'; value: readonly TypeName[] }
  | { kind: 'floats'; value: readonly number[] }
  | { kind: 'strings'; value: readonly Uint8Array[] }
  /** Each undefined where its rank is unknown. */
  | { kind: 'shapes'; value: readonly (readonly number[] | undefined)[] }
  /** The name of a function, and of those that it is given as attributes. */
  | { kind: 'function'; value: string; given?: readonly string[] }
  | { kind: 'functions'; value: readonly string[] }
  | { kind: 'other'; value: Uint8Array }

/** The functions that an attribute names. */
export function functionsIn(attr: AttrValue): readonly string[] {
  if (attr.kind === 'function') return [attr.value, ...(attr.given ?? [])]
  return attr.kind === 'functions' ? attr.value : NONE
}

const NONE: readonly string[] = []

/** What `GraphBuilder.add` takes; make them with `attr`. */
export type Attr = AttrValue

/** One operation. An input is `node` for its port 0, `node:1` for port 1, `^node` for order only. */
export interface NodeDef {
  name: string
  op: string
  inputs: readonly string[]
  attrs: Readonly<Record<string, AttrValue>>
}

/** A graph of operations. */
export interface GraphDef {
  nodes: readonly NodeDef[]
  versions: { producer: number; minConsumer: number }
  /** Functions that nodes call, by name. */
  functions?: ReadonlyMap<string, FunctionDef>
}

/**
 * A function of a graph. Its nodes name their inputs in another way than those of a graph: an argument
 * by its name, and an output of a node as `node:output:index`.
 */
export interface FunctionDef {
  name: string
  /** The names of its arguments. */
  inputs: readonly string[]
  /** The tensors of its body that it returns. */
  outputs: readonly string[]
  /** Nodes of its body that every call runs, whatever it returns. */
  effects: readonly string[]
  nodes: readonly NodeDef[]
  /** Of its arguments and of what it returns; needed to write it, and not read. */
  types?: { inputs: readonly TypeName[]; outputs: readonly TypeName[] }
  /** Functions that it may call without a node that names them. */
  also?: readonly string[]
  /** What it implements: TensorFlow may take another function that does for it. */
  implements?: string
  /** Some of its arguments stand for several inputs, or for none. */
  hasLists?: boolean
}

/** What TensorFlow runs once when it loads a model, and the tensors that it feeds then. */
export interface Loading {
  /** The node that restores variables; empty where there is none. */
  restoreOp: string
  /** Nodes that are run after that. */
  initOps: readonly string[]
  /** The tensor that is fed the path of the checkpoint; empty where there is none. */
  checkpointPath: string
  /** Assets: tensors that are fed their paths, and their names in the folder for assets. */
  assets: readonly { tensor: string; file: string }[]
}

export const NOTHING_TO_LOAD: Loading = {
  restoreOp: '',
  initOps: [],
  checkpointPath: '',
  assets: [],
}

/** A SavedModel, as far as serving goes: one graph and the signatures by which it is called. */
export interface SavedModel {
  tags: readonly string[]
  graph: GraphDef
  signatures: Readonly<Record<string, SignatureDef>>
  /** Signatures that metadata lists and nobody can call; undefined where there are none. */
  uncallable?: Readonly<Record<string, SignatureDef>> | undefined
  tensorflowVersion: string
  loading: Loading
  /** What the variables hold; absent until somebody has read it. */
  checkpoint?: Pick<Bundle, 'header' | 'entries' | 'tensor'>
  /** What is in the files of assets, by their names; absent until somebody has read them. */
  assets?: ReadonlyMap<string, Uint8Array>
  /** Files beside `saved_model.pb` without which it cannot answer, by their paths in its folder. */
  neededFiles: readonly string[]
}

/** The method of signatures that answer with all their outputs by name. */
export const PREDICT_METHOD = 'tensorflow/serving/predict'

/** TensorFlow refuses newer operations in graphs that say no producer. */
const VERSIONS = { producer: 1286, minConsumer: 12 }
const encoder = new TextEncoder()

/** Makes the values of attributes. */
export const attr = {
  type: (value: DataType): Attr => ({ kind: 'type', value }),
  int: (value: number | bigint): Attr => ({ kind: 'int', value: BigInt(value) }),
  ints: (values: readonly (number | bigint)[]): Attr => ({
    kind: 'ints',
    value: values.map(BigInt),
  }),
  float: (value: number): Attr => ({ kind: 'float', value }),
  floats: (value: readonly number[]): Attr => ({ kind: 'floats', value }),
  types: (value: readonly DataType[]): Attr => ({ kind: 'types', value }),
  bool: (value: boolean): Attr => ({ kind: 'bool', value }),
  string: (value: string): Attr => ({ kind: 'string', value: encoder.encode(value) }),
  strings: (values: readonly string[]): Attr => ({
    kind: 'strings',
    value: values.map((value) => encoder.encode(value)),
  }),
  /** -1 for an unknown dimension; undefined for an unknown rank. */
  shape: (value: readonly number[] | undefined): Attr => ({ kind: 'shape', value }),
  shapes: (value: readonly (readonly number[] | undefined)[]): Attr => ({ kind: 'shapes', value }),
  function: (value: string): Attr => ({ kind: 'function', value }),
  functions: (value: readonly string[]): Attr => ({ kind: 'functions', value }),
}

/** The node and the port that an input names. */
export function portOf(input: string): { node: string; port: number; isControl: boolean } {
  if (input.startsWith('^')) return { node: input.slice(1), port: -1, isControl: true }
  const colon = input.lastIndexOf(':')
  return colon < 0
    ? { node: input, port: 0, isControl: false }
    : { node: input.slice(0, colon), port: Number(input.slice(colon + 1)), isControl: false }
}

/** Builds a graph node by node, inputs first. A name taken twice or an unknown input is a mistake of the caller. */
export class GraphBuilder {
  readonly #nodes = new Map<string, NodeDef>()

  /** Adds a node and returns its name, to be passed as an input. */
  add(
    op: string,
    name: string,
    inputs: readonly string[] = [],
    attrs: Readonly<Record<string, Attr>> = {},
  ): string {
    assert(!this.#nodes.has(name), `the graph has a node ${name} already`)
    const unknown = inputs.find((input) => !this.#nodes.has(portOf(input).node))
    assert(unknown === undefined, `the input ${unknown} of ${name} is not in the graph`)
    this.#nodes.set(name, { name, op, inputs, attrs })
    return name
  }

  /** Adds a constant. */
  constant(name: string, tensor: Tensor): string {
    const value: Attr = { kind: 'tensor', value: tensor }
    return this.add('Const', name, [], { dtype: attr.type(tensor.dtype), value })
  }

  build(): GraphDef {
    return { nodes: [...this.#nodes.values()], versions: VERSIONS }
  }
}
