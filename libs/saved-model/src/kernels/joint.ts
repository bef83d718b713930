import type { NodeDef } from '../graph.ts'
import { numbersOf } from '../longs.ts'
import type { Value } from '../values.ts'
import type { Cost } from './cost-parts.ts'

/** An operation and its operands: others that nobody else asks, constants, and by a name what comes from elsewhere. */
export interface Shape {
  op: string
  inputs: readonly Operand[]
  /** Whether its attributes are what they must be. */
  isFitting?: (node: NodeDef) => boolean
}
/** A number is a scalar of integers, a list of them a vector. */
export type Operand = Shape | string | number | readonly number[]

/** Operations that follow each other, and what does the same as they. */
export interface Joint {
  shape: Shape
  /** The names in the shape, in the order in which `run` wants them. */
  given: readonly string[]
  /** Undefined where the operations have to run one by one. */
  run: (inputs: readonly Value[]) => Value | undefined
  /** What it takes at most, also where they have to. */
  cost: Cost
}

/** More elements than this are for the operations themselves. */
export const JOINED_MAX = 2 ** 20

/** The elements of a vector of int64; undefined for anything else. */
export const longsIn = (value: Value | undefined): number[] | undefined =>
  value?.dtype === 'DT_INT64' && value.shape.length === 1 ? numbersOf(value.values) : undefined
