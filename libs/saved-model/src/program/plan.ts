import type { Tensor } from '@drover/serving-api'
import { SavedModelError } from '../errors.ts'
import {
  type Cost,
  costOf,
  kernelOf,
  layersNs,
  type Run,
  STEP_NS,
  textNs,
} from '../kernels/index.ts'
import { untranslatable } from '../node-attrs.ts'
import { asInteger, copied, invalid, toTensor, toValue, type Value } from '../values.ts'
import { BRANCH_OUTPUT } from '../scopes.ts'
import { joinedSteps } from './joined.ts'
import type { DenseLayer, DenseStep, NodeStep, Program, Step } from './program.ts'

/** What a program's slots hold during a run. */
export type Slots = (Value | undefined)[]

/** What a program needs beside itself. */
export interface PlanParts {
  /** By number; those that the program does not fill slots with may be missing. */
  constants: readonly (Value | undefined)[]
  /** Runs dense layers; programs without them need none. */
  dense?: (layers: readonly DenseLayer[]) => Run
  /** To find out what it costs: all branches run, and nothing is checked. */
  isTrial?: boolean
  /** Whether nobody counts the steps: what follows each other may be done in one. */
  isJoined?: boolean
}

interface Stage {
  label: string
  inputs: readonly number[]
  outputs: readonly number[]
  /** Undefined for one that is to run part by part. */
  run: (given: readonly Value[]) => readonly Value[] | undefined
  parts: readonly Stage[]
  cost: Cost
  /** See `NodeStep`. */
  when: NodeStep['when'] | undefined
  /** Whether it gives what one of its branches has given. */
  isChoice: boolean
}

/** A program ready to run, as often as wanted. */
export class Plan {
  readonly #inputs: Program['inputs']
  readonly #outputs: Program['outputs']
  readonly #filled: Slots
  readonly #stages: readonly Stage[]
  /** The arrays of constants, none of which may leave as an answer: their memory is not the caller's. */
  readonly #kept: ReadonlySet<unknown> | undefined

  /** Throws UNTRANSLATABLE, naming the node, for what no kernel runs. */
  constructor(program: Program, parts: PlanParts) {
    // The program itself is let go of: there may be thousands of plans in each thread.
    this.#inputs = program.inputs
    this.#outputs = program.outputs
    this.#filled = Array.from({ length: program.slots }, () => undefined)
    for (const { slot, constant } of program.constants)
      this.#filled[slot] = parts.constants[constant]
    const isFilled = program.constants.length > 0
    this.#kept = isFilled ? new Set<unknown>(this.#filled.map((value) => value?.values)) : undefined
    const stages = program.steps.map((step) => stageOf(step, parts))
    this.#stages = parts.isJoined === true ? joined(stages, program, parts.constants) : stages
  }

  /** How many steps there are. */
  get length(): number {
    return this.#stages.length
  }

  /** What the steps take besides what they work on, in nanoseconds. */
  get stepsNs(): number {
    return this.#stages.length * STEP_NS
  }

  /** The slots of a new run. Inputs have been checked; one that is missing is INVALID_INPUT. */
  start(inputs: Readonly<Record<string, Tensor>>): Slots {
    const slots = this.#filled.slice()
    for (const { alias, slot } of this.#inputs) {
      const tensor = inputs[alias]
      if (tensor === undefined)
        throw new SavedModelError('INVALID_INPUT', `the input ${alias} is missing`)
      slots[slot] = toValue(tensor)
    }
    return slots
  }

  /** Runs the steps from one to before another. Throws INVALID_INPUT, naming the node, when one refuses. */
  run(slots: Slots, from = 0, to = this.#stages.length): void {
    for (let index = from; index < to; index++) {
      const stage = this.#stages[index]
      if (stage !== undefined) runStage(stage, slots)
    }
  }

  /**
   * Runs one step and gives what it should have cost besides, in nanoseconds. Throws INVALID_INPUT, naming the
   * node and both numbers, where that is more than is allowed; nothing has been run then.
   */
  runWithin(slots: Slots, index: number, allowedNs: number): number {
    const stage = this.#stages[index]
    if (stage === undefined) return 0
    if (!isRun(stage, slots)) return 0
    const ns = stage.isChoice ? 0 : stage.cost(givenTo(stage, slots))
    if (ns > allowedNs)
      throw invalid(`${stage.label} would take about ${inMs(ns)} of the ${inMs(allowedNs)} allowed`)
    runStage(stage, slots)
    return ns
  }

  /** What it takes to write down the texts that the signature answers, in nanoseconds. */
  textNs(slots: Slots): number {
    return this.#outputs.reduce((sum, { slot }) => sum + textNs(valueOf(slots, slot)), 0)
  }

  /** What the signature answers, or these outputs of it. */
  finish(slots: Slots, wanted?: readonly string[]): Record<string, Tensor> {
    const outputs: [string, Tensor][] = []
    for (const { alias, slot, carries } of this.#outputs) {
      if (wanted !== undefined && !wanted.includes(alias)) continue
      const value = valueOf(slots, slot)
      const isKept = this.#kept?.has(value.values) === true
      outputs.push([alias, toTensor(isKept ? copied(value) : value, carries)])
    }
    return Object.fromEntries(outputs)
  }
}

/** The stages with joints in place of what they do. */
function joined(
  stages: readonly Stage[],
  program: Program,
  constants: PlanParts['constants'],
): readonly Stage[] {
  const found = joinedSteps(program, constants)
  if (found.size === 0) return stages
  const left: (Stage | undefined)[] = [...stages]
  for (const [last, { joint, steps, inputs }] of found) {
    const parts = steps.flatMap((number) => stages[number] ?? [])
    for (const number of steps) left[number] = undefined
    const stage = stages[last]
    const run = (given: readonly Value[]) => {
      const value = joint.run(given)
      return value && [value]
    }
    if (stage !== undefined) left[last] = { ...stage, inputs, run, parts, cost: joint.cost }
  }
  return left.filter((stage) => stage !== undefined)
}

function stageOf(step: Step, { dense, isTrial = false }: PlanParts): Stage {
  const { op, name, inputs, outputs } = step
  const label = `${op} (node ${name})`
  const always = { label, inputs, outputs, parts: [], when: undefined, isChoice: false }
  if (step.kind === 'dense') {
    if (dense === undefined) throw new SavedModelError('UNTRANSLATABLE', `${label} is a layer`)
    return { ...always, run: dense(step.layers), cost: denseCost(step) }
  }
  const node = { name, op, inputs: [], attrs: step.attrs }
  const kernel = kernelOf(op)
  if (kernel === undefined) throw untranslatable(node, 'it has no translation')
  const run = isTrial && op === 'Assert' ? () => [] : kernel(node)
  const when = isTrial ? undefined : step.when
  return { ...always, run, cost: costOf(node), when, isChoice: op === BRANCH_OUTPUT }
}

function denseCost({ layers }: DenseStep): Cost {
  const rowNs = layersNs(layers)
  return ([rows]) => Math.max(1, rows?.shape[0] ?? 1) * rowNs
}

const inMs = (ns: number): string => `${(ns / 1e6).toPrecision(2)} ms`

const isRun = ({ when }: Stage, slots: Slots): boolean =>
  when === undefined || branchIn(slots[when.slot]) === when.branch

/** The branch that is taken; none where the condition itself stands in one that is not. */
const branchIn = (index: Value | undefined): number | undefined =>
  index?.values.length === 1 ? asInteger(index) : undefined

/** The outputs of the branch that was taken take the place of the condition's. */
function choose({ inputs, outputs }: Stage, slots: Slots): void {
  const [index = -1, ...given] = inputs
  const first = asInteger(valueOf(slots, index)) * outputs.length
  for (const [port, output] of outputs.entries())
    slots[output] = valueOf(slots, given[first + port] ?? -1)
}

function runStage(stage: Stage, slots: Slots): void {
  const { outputs } = stage
  if (!isRun(stage, slots)) return
  if (stage.isChoice) {
    choose(stage, slots)
    return
  }
  const results = resultsOf(stage, givenTo(stage, slots))
  if (results === undefined) {
    for (const part of stage.parts) runStage(part, slots)
    return
  }
  for (let port = 0; port < results.length; port++) slots[outputs[port] ?? -1] = results[port]
}

function resultsOf({ label, run }: Stage, given: readonly Value[]): ReturnType<Stage['run']> {
  try {
    return run(given)
  } catch (cause) {
    if (!(cause instanceof SavedModelError)) throw cause
    throw new SavedModelError(cause.code, `${label} failed`, { cause })
  }
}

function givenTo({ inputs }: Stage, slots: Slots): Value[] {
  const given: Value[] = []
  for (const slot of inputs) given.push(valueOf(slots, slot))
  return given
}

/** The value in a slot, which a step before has filled. */
export function valueOf(slots: Slots, slot: number): Value {
  const value = slots[slot]
  if (value === undefined)
    throw new SavedModelError('NOT_A_SAVED_MODEL', `a node has no output for slot ${slot}`)
  return value
}
