// Writes ONNX models: the few messages of onnx.proto3 that a translated graph needs.

import { SavedModelError } from '../errors.ts'
import { type IntValue, numbers, type NumberValue, type ValueType } from '../values.ts'
import { zeroUnless } from './checks.ts'
import { WireWriter } from '../wire.ts'

const IR_VERSION = 8
const OPSET = 18
/** Larger graphs take onnxruntime seconds to load, and are TensorFlow's. */
const NODES_MAX = 30_000
/** More rounds than this no loop takes: a few bytes of a request must not keep a thread for ever. */
export const ROUNDS_MAX = 100_000n
/** Nor do its variables grow together beyond so many elements. */
export const VARIABLE_ELEMENTS_MAX = 2n ** 26n
const AttributeType = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, GRAPH: 5, INTS: 7 } as const
/** ONNX's numbers of the element types. */
const ELEMENT_TYPES: Record<Exclude<ValueType, 'DT_STRING'>, number> = {
  DT_FLOAT: 1,
  DT_DOUBLE: 11,
  DT_INT32: 6,
  DT_INT64: 7,
  DT_BOOL: 9,
}

/** An element type that ONNX is given; text never is. */
export type NumericType = keyof typeof ELEMENT_TYPES

/** The element type with a number of ONNX's. */
export const typeOfElement = (number: number): NumericType =>
  TYPES.find((type) => ELEMENT_TYPES[type] === number) ?? 'DT_FLOAT'
const TYPES = ['DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_INT64', 'DT_BOOL'] as const
export type NumericValue = NumberValue | IntValue

/** An attribute: ints are bigint, floats number. */
export type OnnxAttribute =
  | bigint
  | readonly bigint[]
  | number
  | string
  | NumericValue
  | { graph: WireWriter }

/** Builds one ONNX graph. Names are given in order, so that equal graphs become equal bytes. */
export class OnnxBuilder {
  #nodes: WireWriter[] = []
  readonly #initializers = new Map<string, WireWriter>()
  readonly #inputs: WireWriter[] = []
  readonly #outputs: WireWriter[] = []
  readonly #used = new Set<string>()
  readonly #sources: string[] = []
  #count = 0
  #added = 0

  /** What nodes are made for, by the numbers in their names; see `about`. */
  get sources(): readonly string[] {
    return this.#sources
  }

  /**
   * Says what the next nodes are made for. They are named by its number and their own, since graphs that differ
   * in the names of their nodes alone are to be one.
   */
  about(source: string): void {
    this.#sources.push(source)
  }

  #name(): string {
    return `v${this.#count++}`
  }

  /** Begins as names of nodes do: onnxruntime calls some that it makes itself by what they give. */
  #output(): string {
    return `n${this.#sources.length - 1}.${this.#name()}`
  }

  /** Declares an input, of any shape unless it has to have a certain rank. */
  input(dtype: NumericType, rank?: number): string {
    const name = this.#name()
    this.#inputs.push(valueInfo(name, dtype, rank))
    return name
  }

  output(name: string, dtype: NumericType): void {
    this.#outputs.push(valueInfo(name, dtype))
  }

  /** A constant that no node takes in the end is left out. */
  constant(value: NumericValue): string {
    const name = this.#name()
    this.#initializers.set(name, tensorProto(value).bytes(8, name))
    return name
  }

  /** A vector of int64, as most of ONNX's shapes and axes are. */
  vector(values: readonly bigint[]): string {
    const array = BigInt64Array.from(values)
    return this.constant({ dtype: 'DT_INT64', shape: [values.length], values: array })
  }

  /** One number of int64. */
  long(value: bigint): string {
    return this.constant({ dtype: 'DT_INT64', shape: [], values: BigInt64Array.of(value) })
  }

  /** Adds a node with one output and gives the output's name. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const output = this.#output()
    this.#push(type, { inputs, outputs: [output], attributes })
    return output
  }

  /** Adds a node with several outputs. */
  ops(
    type: string,
    inputs: readonly string[],
    options: { outputs: number; attributes?: Readonly<Record<string, OnnxAttribute>> },
  ): string[] {
    const outputs = Array.from({ length: options.outputs }, () => this.#output())
    this.#push(type, { inputs, outputs, attributes: options.attributes ?? {} })
    return outputs
  }

  cast(input: string, to: NumericType): string {
    return this.op('Cast', [input], { to: BigInt(ELEMENT_TYPES[to]) })
  }

  /**
   * Adds a condition: gives what one of the branches gives, the one with the number in `index`. Each branch
   * adds the nodes that run with it, and gives as many names as there are types.
   */
  choice(
    index: string,
    { types, branches }: { types: readonly NumericType[]; branches: readonly (() => string[])[] },
  ): string[] {
    const [first, ...others] = branches
    if (first === undefined) throw new SavedModelError('UNTRANSLATABLE', 'there is no branch')
    if (others.length === 0) return first()
    const zero = this.constant(numbers('DT_INT32', [], [0]))
    const one = this.constant(numbers('DT_INT32', [], [1]))
    const isFirst = this.op('Equal', [index, zero])
    const rest = () =>
      others.length === 1
        ? others[0]?.()
        : this.choice(this.op('Sub', [index, one]), { types, branches: others })
    const attributes = {
      then_branch: { graph: this.#graph(first, types) },
      else_branch: { graph: this.#graph(() => rest() ?? [], types) },
    }
    return this.ops('If', [isFirst], { outputs: types.length, attributes })
  }

  /**
   * Adds a loop: gives what its variables are in the end, then what all rounds have written, each in one
   * tensor with a row for every round. The run fails where it does not end within as many rounds as it is fed
   * (see `foretold`), or its variables grow too large.
   */
  loop(
    goesOn: string,
    {
      variables,
      scans,
      round,
    }: {
      variables: readonly { initial: string; type: NumericType }[]
      scans: readonly NumericType[]
      round: (names: string[]) => { goesOn: string; values: string[]; written: string[] }
    },
  ): string[] {
    const carried: NumericType[] = ['DT_BOOL', ...variables.map(({ type }) => type)]
    const inputs = [
      valueInfo(this.#name(), 'DT_INT64', 0),
      valueInfo(this.#name(), 'DT_BOOL', 0),
      valueInfo(this.#name(), 'DT_BOOL'),
    ]
    const names = variables.map(() => this.#name())
    for (const [at, { type }] of variables.entries()) inputs.push(valueInfo(names[at] ?? '', type))
    const scalar = (condition: string) => this.op('Reshape', [condition, this.vector([])])
    const build = () => {
      const { goesOn: next, values, written } = round(names)
      const isOpen = scalar(next)
      return [this.#unlessLarge(isOpen, values), isOpen, ...values, ...written]
    }
    const body = this.#graph(build, ['DT_BOOL', ...carried, ...scans])
    for (const input of inputs) body.message(11, input)
    const first = scalar(goesOn)
    const [isOpen = '', ...outputs] = this.ops(
      'Loop',
      [this.input('DT_INT64', 0), first, first, ...variables.map(({ initial }) => initial)],
      { outputs: carried.length + scans.length, attributes: { body: { graph: body } } },
    )
    const zero = zeroUnless(this, this.op('Reshape', [isOpen, this.vector([1n])]))
    // Whoever takes anything of the loop waits for this.
    return outputs.map((name) =>
      this.op('Reshape', [name, this.op('Add', [this.op('Shape', [name]), zero])], {
        allowzero: 1n,
      }),
    )
  }

  /** Whether a loop goes on: not with variables that grow until there is no memory left. */
  #unlessLarge(goesOn: string, variables: readonly string[]): string {
    const sizes = variables.map((variable) => this.op('Size', [variable]))
    const [first, ...others] = sizes
    if (first === undefined) return goesOn
    const all = others.reduce((sum, size) => this.op('Add', [sum, size]), first)
    return this.op('And', [goesOn, this.op('Less', [all, this.long(VARIABLE_ELEMENTS_MAX)])])
  }

  /** A graph within the graph. It gives nothing as it is: what comes from outside is not its own. */
  #graph(build: () => string[], types: readonly NumericType[]): WireWriter {
    const outside = this.#nodes
    this.#nodes = []
    const outputs = build().map((name) => this.op('Identity', [name]))
    const graph = new WireWriter()
    for (const node of this.#nodes) graph.message(1, node)
    graph.bytes(2, 'branch')
    for (const [at, type] of types.entries()) graph.message(12, valueInfo(outputs[at] ?? '', type))
    this.#nodes = outside
    return graph
  }

  #push(
    type: string,
    {
      inputs,
      outputs,
      attributes,
    }: {
      inputs: readonly string[]
      outputs: readonly string[]
      attributes: Readonly<Record<string, OnnxAttribute>>
    },
  ): void {
    if (++this.#added > NODES_MAX)
      throw new SavedModelError('UNTRANSLATABLE', `it takes over ${NODES_MAX} nodes of ONNX`)
    const node = new WireWriter()
    for (const input of inputs) {
      node.bytes(1, input)
      this.#used.add(input)
    }
    for (const output of outputs) node.bytes(2, output)
    node.bytes(3, `n${this.#sources.length - 1}.${this.#added}`).bytes(4, type)
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value))
    this.#nodes.push(node)
  }

  /** The bytes of the model. */
  build(): Uint8Array<ArrayBuffer> {
    const graph = new WireWriter()
    for (const node of this.#nodes) graph.message(1, node)
    graph.bytes(2, 'drover')
    for (const [name, initializer] of this.#initializers)
      if (this.#used.has(name)) graph.message(5, initializer)
    for (const input of this.#inputs) graph.message(11, input)
    for (const output of this.#outputs) graph.message(12, output)
    return new WireWriter()
      .varint(1, IR_VERSION)
      .bytes(2, 'drover')
      .message(7, graph)
      .message(8, new WireWriter().bytes(1, '').varint(2, OPSET))
      .finish()
  }
}

function attribute(name: string, value: OnnxAttribute): WireWriter {
  const writer = new WireWriter().bytes(1, name)
  if (typeof value === 'bigint') return writer.varint(3, value).varint(20, AttributeType.INT)
  if (typeof value === 'number') return writer.float(2, value).varint(20, AttributeType.FLOAT)
  if (typeof value === 'string') return writer.bytes(4, value).varint(20, AttributeType.STRING)
  if ('graph' in value) return writer.message(6, value.graph).varint(20, AttributeType.GRAPH)
  if ('dtype' in value)
    return writer.message(5, tensorProto(value)).varint(20, AttributeType.TENSOR)
  for (const each of value) writer.varint(8, each)
  return writer.varint(20, AttributeType.INTS)
}

function tensorProto({ dtype, shape, values }: NumericValue): WireWriter {
  const writer = new WireWriter()
  for (const size of shape) writer.varint(1, size)
  const { buffer, byteOffset, byteLength } = values
  return writer
    .varint(2, ELEMENT_TYPES[dtype])
    .bytes(9, new Uint8Array(buffer, byteOffset, byteLength))
}

function valueInfo(name: string, dtype: NumericType, rank?: number): WireWriter {
  const tensor = new WireWriter().varint(1, ELEMENT_TYPES[dtype])
  if (rank !== undefined) {
    const dimensions = new WireWriter()
    for (let axis = 0; axis < rank; axis++) dimensions.message(1, new WireWriter())
    tensor.message(2, dimensions)
  }
  return new WireWriter().bytes(1, name).message(2, new WireWriter().message(1, tensor))
}
