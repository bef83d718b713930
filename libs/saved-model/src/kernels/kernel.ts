import type { NodeDef } from '../graph.ts'
import { invalid, type Value } from '../values.ts'

/** Runs a node whose inputs are at hand; one value for each of its ports. */
export type Run = (inputs: readonly Value[]) => Value[]

/** Reads a node's attributes once and gives what runs it. Throws UNTRANSLATABLE when it cannot. */
export type Kernel = (node: NodeDef) => Run

const ports = (result: Value | Value[]): Value[] => (Array.isArray(result) ? result : [result])
const miscounted = (wanted: number, got: number) =>
  invalid(`${wanted} inputs were expected and ${got} came`)

/** The four below run with just so many inputs. */
export const withOne =
  (run: (a: Value) => Value | Value[]): Run =>
  (inputs) => {
    const [a] = inputs
    if (a === undefined || inputs.length !== 1) throw miscounted(1, inputs.length)
    return ports(run(a))
  }

export const withTwo =
  (run: (a: Value, b: Value) => Value | Value[]): Run =>
  (inputs) => {
    const [a, b] = inputs
    if (a === undefined || b === undefined || inputs.length !== 2)
      throw miscounted(2, inputs.length)
    return ports(run(a, b))
  }

export const withThree =
  (run: (a: Value, b: Value, c: Value) => Value | Value[]): Run =>
  (inputs) => {
    const [a, b, c] = inputs
    if (a === undefined || b === undefined || c === undefined || inputs.length !== 3)
      throw miscounted(3, inputs.length)
    return ports(run(a, b, c))
  }

export const withFour =
  (run: (a: Value, b: Value, c: Value, d: Value) => Value | Value[]): Run =>
  (inputs) => {
    const [a, b, c, d] = inputs
    if (!a || !b || !c || !d || inputs.length !== 4) throw miscounted(4, inputs.length)
    return ports(run(a, b, c, d))
  }
