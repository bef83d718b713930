// Steps of a program that a joint does in one; see `kernels/joints.ts`.

import { type Joint, joints, type Operand, type Shape } from '../kernels/index.ts'
import { asIntegers, type Value } from '../values.ts'
import { nodeOf } from './kinds.ts'
import type { NodeStep, Program } from './program.ts'

/** A joint in place of steps. */
export interface JoinedSteps {
  joint: Joint
  /** By number, in order; the last one is where the joint runs. */
  steps: readonly number[]
  /** The slots of what the joint is given. */
  inputs: readonly number[]
}

/** The joints of a program, by the number of their last step; no step is in two. */
export function joinedSteps(
  program: Program,
  constants: readonly (Value | undefined)[],
): Map<number, JoinedSteps> {
  const found = new Map<number, JoinedSteps>()
  // Most programs have none of their last operations, and there are thousands of programs.
  if (!program.steps.some(({ op }) => joints.has(op))) return found
  const around = aroundOf(program, constants)
  for (const [last, step] of program.steps.entries()) {
    const joint = joints.get(step.op)
    const joined = joint && new Matching(around).joined(joint, last)
    if (joined !== undefined) found.set(last, joined)
  }
  return found
}

/** What is known of slots. */
interface Around {
  steps: Program['steps']
  /** Which step fills a slot with its only output. */
  makers: ReadonlyMap<number, number>
  /** How many ask for a slot. */
  users: ReadonlyMap<number, number>
  filled: ReadonlyMap<number, Value | undefined>
}

function aroundOf(program: Program, constants: readonly (Value | undefined)[]): Around {
  const { steps, outputs } = program
  const makers = new Map<number, number>()
  const users = new Map<number, number>()
  const use = (slot: number) => users.set(slot, (users.get(slot) ?? 0) + 1)
  for (const [number, step] of steps.entries()) {
    for (const slot of step.inputs) use(slot)
    const [output, ...more] = step.outputs
    if (output !== undefined && more.length === 0) makers.set(output, number)
    if (step.kind === 'node' && step.when !== undefined) use(step.when.slot)
  }
  for (const { slot } of outputs) use(slot)
  const filled = new Map(program.constants.map(({ slot, constant }) => [slot, constants[constant]]))
  return { steps, makers, users, filled }
}

/** One look at whether steps have a shape. */
class Matching {
  readonly #around: Around
  readonly #named = new Map<string, number>()
  readonly #steps: number[] = []
  /** How often the steps found ask for a slot. */
  readonly #uses = new Map<number, number>()

  constructor(around: Around) {
    this.#around = around
  }

  joined(joint: Joint, last: number): JoinedSteps | undefined {
    if (!this.#isStep(joint.shape, last)) return undefined
    const { steps, users, makers } = this.#around
    const steadily = this.#steps.toSorted((a, b) => a - b)
    for (const number of steadily.slice(0, -1)) {
      const [output = -1] = steps[number]?.outputs ?? []
      if (users.get(output) !== this.#uses.get(output)) return undefined
    }
    const inputs = joint.given.map((name) => this.#named.get(name) ?? -1)
    // What comes from a step in between comes from nowhere once that one is gone.
    if (inputs.some((slot) => steadily.includes(makers.get(slot) ?? -1))) return undefined
    return { joint, steps: steadily, inputs }
  }

  #isStep({ op, inputs, isFitting }: Shape, number: number): boolean {
    const step = this.#around.steps[number]
    const isAlike = step?.op === op && isPlain(step) && step.inputs.length === inputs.length
    if (!isAlike || isFitting?.(nodeOf(step)) === false) return false
    this.#steps.push(number)
    return inputs.every((operand, at) => this.#isOperand(operand, step.inputs[at] ?? -1))
  }

  #isOperand(operand: Operand, slot: number): boolean {
    this.#uses.set(slot, (this.#uses.get(slot) ?? 0) + 1)
    const { makers, filled } = this.#around
    if (typeof operand === 'number') return isConstant(filled.get(slot), [], [operand])
    if (typeof operand === 'string') return this.#isNamed(operand, slot)
    if ('op' in operand) return this.#isStep(operand, makers.get(slot) ?? -1)
    return isConstant(filled.get(slot), [operand.length], operand)
  }

  #isNamed(name: string, slot: number): boolean {
    const known = this.#named.get(name) ?? slot
    this.#named.set(name, known)
    return known === slot
  }
}

/** Whether it is a node that always runs. */
const isPlain = (step: Program['steps'][number]): step is NodeStep =>
  step.kind === 'node' && step.when === undefined

function isConstant(
  value: Value | undefined,
  shape: readonly number[],
  wanted: readonly number[],
): boolean {
  if (value?.dtype !== 'DT_INT64' && value?.dtype !== 'DT_INT32') return false
  return String(value.shape) === String(shape) && String(asIntegers(value)) === String(wanted)
}
