// Graphs by chance, for the tests of this lib: what one is while it is being drafted. Every tensor of it is
// known by its shape, by the range of its numbers and by how far two right engines may be apart, so that no
// rounding is taken for a fault, and no fault for rounding.

import { type Attr, attr, type FunctionDef, GraphBuilder } from '@drover/saved-model'
import { type DataType, sizeOf, type Tensor, type TensorInfo } from '@drover/serving-api'
import { info, modelBytes } from './sample-models.ts'

/** What numbers a tensor may hold. */
export interface Span {
  low: number
  high: number
  /** They are multiples of two to the power of minus this, without any rounding; undefined if they are rounded. */
  grid: number | undefined
  /** How far two right engines may be apart. */
  error: number
}

/** One tensor of a graph. */
export interface Wire extends Span {
  /** As nodes name it. */
  name: string
  dtype: DataType
  shape: readonly number[]
  /** It holds texts that are whole numbers. */
  isNumeral?: boolean
  /** What made it: the operation behind those that only hand on what they are given. */
  op?: string
}

/** What a node makes; a span that is left out is that of truth values. */
export type Made = Pick<Wire, 'dtype' | 'shape' | 'isNumeral'> & Partial<Span>

const HANDING_ON: ReadonlySet<string> = new Set(['Identity', 'Snapshot', 'StopGradient'])

/** How far answers may be apart where a graph goes on: a part of what is allowed between engines. */
const ERROR_MAX = 4e-6
const EXACT_BITS: Partial<Record<DataType, number>> = {
  DT_FLOAT: 24,
  DT_DOUBLE: 53,
  DT_INT32: 31,
  DT_INT64: 62,
}
const ROUNDING = 4e-7
const ELEMENTS_MAX = 400
const NODES_MAX = 60

export const isFloat = ({ dtype }: Pick<Wire, 'dtype'>): boolean =>
  dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE'
export const isInteger = ({ dtype }: Pick<Wire, 'dtype'>): boolean =>
  dtype === 'DT_INT32' || dtype === 'DT_INT64'
export const isNumber = (wire: Pick<Wire, 'dtype'>): boolean => isFloat(wire) || isInteger(wire)
export const isText = ({ dtype }: Pick<Wire, 'dtype'>): boolean => dtype === 'DT_STRING'
export const isTruth = ({ dtype }: Pick<Wire, 'dtype'>): boolean => dtype === 'DT_BOOL'
/** TensorFlow leaves these out before it looks for the place of the largest, and then finds another of its equals. */
const LEVELLING: ReadonlySet<string> = new Set(['Ceil', 'Floor', 'Relu', 'Relu6', 'Rint', 'Sign'])
export const isLevelled = ({ op = '' }: Wire): boolean => LEVELLING.has(op)
/** Its numbers may be compared, rounded, or made integers. */
export const isExact = ({ grid }: Pick<Span, 'grid'>): boolean => grid !== undefined
export const isFull = ({ shape }: Pick<Wire, 'shape'>): boolean => sizeOf(shape) > 0
export const boundOf = ({ low, high }: Pick<Span, 'low' | 'high'>): number =>
  Math.max(Math.abs(low), Math.abs(high))

/** Integers, or floats that are. */
export const whole = (low: number, high: number): Span => ({ low, high, grid: 0, error: 0 })

const TRUTH = whole(0, 1)

/** What an operation whose answer is this far off in theory makes in this type; undefined if it is too far. */
export function spanOf(dtype: DataType, span: Span): Span | undefined {
  const { low, high, grid, error } = span
  const bits = EXACT_BITS[dtype]
  const bound = boundOf(span)
  if (bits === undefined) return { low, high, grid, error }
  if (grid !== undefined && bound * 2 ** grid < 2 ** bits) return { low, high, grid, error }
  if (!isFloat({ dtype })) return undefined
  const rounded = error + ROUNDING * Math.max(1, bound)
  return rounded <= ERROR_MAX ? { low, high, grid: undefined, error: rounded } : undefined
}

/** A graph in the making. The choices in it are made by numbers that the caller drew. */
export class Draft {
  readonly wires: Wire[] = []
  readonly #builder = new GraphBuilder()
  readonly #lines: string[] = []
  readonly #inputs: Record<string, TensorInfo> = {}
  readonly #feeds: Record<string, Tensor> = {}
  readonly #others: Record<string, Tensor> = {}
  readonly #functions = new Map<string, FunctionDef>()
  readonly #used = new Set<string>()
  readonly #loose: Pick<Wire, 'name' | 'dtype'>[] = []
  #picks: readonly number[] = []
  #at = 0
  #nodes = 0

  /** The numbers that decide what comes next; zeros when they are used up. */
  decideBy(picks: readonly number[]): void {
    this.#picks = picks
    this.#at = 0
  }

  get isLong(): boolean {
    return this.#nodes >= NODES_MAX
  }

  /** A whole number below this one. */
  below(count: number): number {
    return (this.#picks[this.#at++] ?? 0) % Math.max(1, count)
  }

  chance(oneOf: number): boolean {
    return this.below(oneOf) === oneOf - 1
  }

  from<T>(options: readonly [T, ...T[]]): T {
    return options[this.below(options.length)] ?? options[0]
  }

  /** One of the tensors that are fit for something, the youngest for the least number. */
  find(isFit: (wire: Wire) => boolean): Wire | undefined {
    const fit = this.wires.filter(isFit)
    return fit[fit.length - 1 - this.below(fit.length)]
  }

  /** Adds a tensor that one request brings, and another one that another brings; -1 is an open size. */
  input(
    [tensor, other]: readonly [Tensor, Tensor],
    span: Span & { isNumeral?: boolean },
    told: readonly number[],
  ): void {
    const name = `x${Object.keys(this.#inputs).length}`
    const { dtype, shape } = tensor
    this.#builder.add('Placeholder', name, [], {
      dtype: attr.type(dtype),
      shape: attr.shape(told),
    })
    this.#inputs[name] = info(`${name}:0`, dtype, told)
    this.#feeds[name] = tensor
    this.#others[name] = other
    this.#lines.push(`${name} = input ${dtype} [${told.join(', ')}], fed ${listed(tensor)}`)
    this.wires.push({ name, dtype, shape, ...span })
  }

  /** Adds a constant that only one node wants; its name. */
  constant(tensor: Tensor): string {
    const name = `c${this.#nodes++}`
    this.#builder.constant(name, tensor)
    this.#lines.push(`${name} = ${tensor.dtype} ${listed(tensor)}`)
    return name
  }

  /** Adds a constant that others may take, too. */
  known(tensor: Tensor, span: Span): Wire {
    const { dtype, shape } = tensor
    const wire = { name: this.constant(tensor), dtype, shape, ...span }
    this.wires.push(wire)
    return wire
  }

  /** Adds a node; what others may take of it. */
  add(
    op: string,
    inputs: readonly (Wire | string)[],
    attrs: Readonly<Record<string, Attr>>,
    made: readonly Made[],
  ): Wire[] {
    const shapes = made.map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`)
    const name = this.node(op, inputs, attrs, shapes.join(', '))
    const [first] = inputs
    const from = HANDING_ON.has(op) && typeof first === 'object' ? first.op : op
    const wires = made.map((each, port): Wire => ({
      ...TRUTH,
      ...each,
      ...(from !== undefined && { op: from }),
      name: port === 0 ? name : `${name}:${port}`,
    }))
    this.wires.push(...wires)
    return wires
  }

  /** Adds a node of which nobody else knows: its shapes are told by what a request brings. Its name. */
  node(
    op: string,
    inputs: readonly (Wire | string)[],
    attrs: Readonly<Record<string, Attr>>,
    shapes = 'any shape',
  ): string {
    const name = `n${this.#nodes++}`
    const names = inputs.map((input) => (typeof input === 'string' ? input : input.name))
    for (const each of names) this.#used.add(each)
    this.#builder.add(op, name, names, attrs)
    this.#lines.push(`${name} = ${op}(${names.join(', ')}) ${listedAttrs(attrs)} : ${shapes}`)
    return name
  }

  /** Makes a function known to nodes that call it; its name. */
  function(definition: FunctionDef): string {
    const { name } = definition
    if (!this.#functions.has(name)) {
      this.#functions.set(name, definition)
      const body = definition.nodes.map(({ op, inputs }) => `${op}(${inputs.join(', ')})`)
      this.#lines.push(`${name} = function(${definition.inputs.join(', ')}) ${body.join('; ')}`)
    }
    return name
  }

  /** Answers with a tensor of such a node. */
  answer(name: string, dtype: DataType): void {
    this.#loose.push({ name, dtype })
  }

  /** What this draft is; all that nothing else takes is answered, and what `also` says. */
  finish(also: (index: number) => boolean): RandomGraph {
    const made = this.wires.filter(({ name }) => name.startsWith('n'))
    const answered = made.filter(({ name }, index) => !this.#used.has(name) || also(index))
    const outputs = infosOf([...answered, ...this.#loose])
    const bytesWith = (all: typeof outputs) =>
      modelBytes(
        this.#builder,
        { [SIGNATURE]: { inputs: this.#inputs, outputs: all } },
        this.#functions,
      )
    return {
      bytes: bytesWith(outputs),
      whole: () => bytesWith(infosOf([...made, ...this.#loose])),
      ops: this.#builder.build().nodes.map(({ op }) => op),
      inputs: this.#feeds,
      others: this.#others,
      listing: [...this.#lines, `answers: ${Object.keys(outputs).join(', ')}`].join('\n'),
    }
  }
}

export const SIGNATURE = 'serving_default'

/** A whole model, and requests for it. */
export interface RandomGraph {
  bytes: Uint8Array
  /** The same, with all that it calculates among its answers. */
  whole: () => Uint8Array
  ops: readonly string[]
  inputs: Record<string, Tensor>
  /** Another request, where sizes that are open have changed. */
  others: Record<string, Tensor>
  /** For whoever reads that something is wrong with it. */
  listing: string
}

function infosOf(wires: readonly Pick<Wire, 'name' | 'dtype'>[]): Record<string, TensorInfo> {
  return Object.fromEntries(
    wires.map(({ name, dtype }) => {
      const port = name.includes(':') ? name : `${name}:0`
      return [name.replace(':', '_'), info(port, dtype, 'unknown')]
    }),
  )
}

/** Whether a tensor of this shape is small enough for a test. */
export const isSmall = (shape: readonly number[]): boolean =>
  shape.length <= 5 && sizeOf(shape) <= ELEMENTS_MAX

/**
 * What pads by nothing TensorFlow takes for what a Reshape behind it says, whatever comes: it then leaves that out,
 * and takes rows for one.
 */
export const isSameSize = (shape: readonly number[], wire: Pick<Wire, 'shape'>): boolean =>
  sizeOf(shape) === sizeOf(wire.shape)

const decoder = new TextDecoder()

function listed({ dtype, shape, values }: Tensor): string {
  const all = [...values].map((value) =>
    dtype === 'DT_STRING' && value instanceof Uint8Array
      ? JSON.stringify(decoder.decode(value))
      : String(value),
  )
  return `[${shape.join(', ')}] of ${all.join(' ')}`
}

function listedAttrs(attrs: Readonly<Record<string, Attr>>): string {
  const all = Object.entries(attrs).map(([name, each]) => {
    if (each.kind === 'string') return `${name}=${JSON.stringify(decoder.decode(each.value))}`
    return `${name}=${each.kind === 'type' ? each.value : shown(each.value)}`
  })
  return `{${all.join(', ')}}`
}

const shown = (value: Attr['value']): string =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each))
