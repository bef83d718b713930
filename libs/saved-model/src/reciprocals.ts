// Divisions by constants, as TensorFlow does them: before a graph runs, it makes products of them, with what one
// divided by the constant is. That is rounded once more, and where a whole number is made of the result,
// such as the size of an image, another one comes out.

import { NARROW, type NarrowType, rounded, STEP } from './carried/index.ts'
import type { Around } from './chains.ts'
import { portOf } from './graph.ts'
import { isKept } from './kept.ts'
import { narrowTypeOf } from './kernels/index.ts'
import type { Placed } from './partition.ts'
import { type Scope, scopeKey } from './scopes.ts'
import type { Value } from './values.ts'

/** By what TensorFlow puts in the place of each; it takes the inputs the other way round where `isTurned`. */
const DIVISIONS: Readonly<Record<string, { op: string; isTurned?: boolean }>> = {
  Div: { op: 'Mul' },
  RealDiv: { op: 'Mul' },
  Xdivy: { op: 'MulNoNan', isTurned: true },
}
/** The least numbers above zero that are not denormal: TensorFlow takes those below for zero. */
const NORMAL_MIN = { DT_FLOAT: 2 ** -126, DT_DOUBLE: 2 ** -1022 }

/** The constants that TensorFlow knows ahead as well: neither variables, nor what a branch gets from outside. */
export class KnownAhead {
  /** Of each, in which branch it stands. */
  readonly #known = new Map<string, string>()

  /** Takes note of a node that has been worked out, and stands in this branch; inputs first. */
  note({ node, inputs }: Placed, scope: Scope | undefined): void {
    if (!isKept(node) && inputs.every((key) => this.has(key, scope)))
      this.#known.set(node.name, scopeKey(scope))
  }

  /** Whether TensorFlow knows it where it stands. */
  isKnown(key: string): boolean {
    return this.#known.has(portOf(key).node)
  }

  /** Whether TensorFlow knows this tensor where a node of this branch takes it. */
  has(key: string, scope: Scope | undefined): boolean {
    return this.#known.get(portOf(key).node) === scopeKey(scope)
  }
}

/** What nodes make, by their names, where it is brought back to what a narrow type can hold. */
export const narrowedIn = (live: readonly Placed[]): ReadonlyMap<string, NarrowType> =>
  new Map(
    live.flatMap(({ node, inputs: [wide = ''] }) =>
      node.op === NARROW ? [[portOf(wide).node, narrowTypeOf(node)]] : [],
    ),
  )

/** A division by a constant that TensorFlow knows, as TensorFlow runs it; others as they are. */
export function withoutDivision(
  placed: Placed,
  { constants, isKnown, narrowed }: Around & { narrowed: ReadonlyMap<string, NarrowType> },
): Placed {
  const { node, inputs } = placed
  const [dividend = '', divisor = ''] = inputs
  const { [node.op]: division } = DIVISIONS
  const value = constants.get(divisor)
  if (division === undefined || value === undefined || !isKnown(divisor, placed)) return placed
  if (node.attrs[STEP] !== undefined) return placed
  const inverse = inverseOf(value)
  if (inverse === undefined) return placed
  const key = `${node.name} / reciprocal:0`
  const narrow = narrowed.get(node.name)
  constants.set(key, narrow === undefined ? inverse : rounded(inverse, narrow))
  const factors = division.isTurned === true ? [key, dividend] : [dividend, key]
  return { ...placed, node: { ...node, op: division.op, inputs: factors }, inputs: factors }
}

/** One divided by each; undefined where these are no floats. */
function inverseOf(value: Value): Value | undefined {
  if (value.dtype === 'DT_FLOAT') {
    const values = normal(value).values.map((each) => 1 / each)
    return normal({ ...value, values })
  }
  if (value.dtype !== 'DT_DOUBLE') return undefined
  const values = normal(value).values.map((each) => 1 / each)
  return normal({ ...value, values })
}

/** Floats as TensorFlow has them when it works out constants: none is denormal. */
export function normal<V extends Value>(value: V): V {
  if (value.dtype !== 'DT_FLOAT' && value.dtype !== 'DT_DOUBLE') return value
  const least = NORMAL_MIN[value.dtype]
  const isDenormal = (each: number): boolean => each !== 0 && Math.abs(each) < least
  if (!value.values.some(isDenormal)) return value
  return { ...value, values: value.values.map((each) => (isDenormal(each) ? 0 : each)) }
}
