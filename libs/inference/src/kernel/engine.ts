import { Plan, PLAIN_COST, type RowWise, SavedModelError, weightOf } from '@drover/saved-model'
import type { SignatureDef } from '@drover/serving-api'
import { InferenceError } from '../errors.ts'
import type { Engine, RunOptions, Tensors } from '../servable.ts'
import { MULTIPLY_ADDS_MAX, runLayers } from './layers.ts'
import { rowsOf, runInSlices } from './slices.ts'
import { openSlab, type Slab } from './slab.ts'
import { runInSteps } from './steps.ts'
import { openConstant, placeLayer, readStored, type StoredAt } from './stored.ts'
import type { KernelMessage } from './types.ts'

/** One row of so few elements through so few steps is not worth looking at the clock. */
const QUICK_WEIGHT = 1_024
const SHORT_STEPS = 4
const NOTHING = { values: [] }

/** A model that runs in kernels, in this thread; what it knows of itself is read when it is wanted. */
export interface KernelEngine extends Engine {
  readonly signatures: Readonly<Record<string, SignatureDef>>
}

/**
 * Opens a model that another thread may have compiled. Small requests are answered at once; others yield
 * to the event loop about every 2 ms and are a TIMEOUT after their deadline. To close it ends this thread's
 * part only.
 */
export function openKernels({ slab, at, length }: KernelMessage): KernelEngine {
  return new OpenModel(openSlab(slab), at, length)
}

/** A signature ready to run. */
interface Runner {
  signature: string
  plan: Plan
  rowWise: RowWise | undefined
  cost: number
}

/** Few fields, since a process may hold ten thousand that are never asked. */
class OpenModel implements KernelEngine {
  readonly name = 'kernel'
  readonly #at: number
  readonly #length: number
  #slab: Slab | undefined
  #signatures: Readonly<Record<string, SignatureDef>> | undefined
  #runners: readonly Runner[] = []

  constructor(slab: Slab, at: number, length: number) {
    this.#slab = slab
    this.#at = at
    this.#length = length
  }

  get #stored(): StoredAt & { slab: Slab } {
    if (this.#slab === undefined) throw new InferenceError('UNAVAILABLE', 'the model is closed')
    const { memory } = this.#slab
    return { memory, at: this.#at, length: this.#length, slab: this.#slab }
  }

  get signatures(): Readonly<Record<string, SignatureDef>> {
    this.#signatures ??= readStored(this.#stored).signatures
    return this.#signatures
  }

  run(
    signature: string,
    inputs: Readonly<Tensors>,
    options: RunOptions = {},
  ): Tensors | Promise<Tensors> {
    const runner =
      this.#runners.find((each) => each.signature === signature) ?? this.#open(signature)
    try {
      const answer = start(runner, inputs, options)
      return answer instanceof Promise ? answer.catch(refuse) : answer
    } catch (error) {
      return refuse(error)
    }
  }

  #open(signature: string): Runner {
    const at = this.#stored
    const stored = readStored(at)
    const program = stored.programs[signature]
    if (program === undefined)
      throw new InferenceError('INVALID_INPUT', `the model has no signature ${signature}`)
    const plan = new Plan(program, {
      constants: stored.constants.map((constant) => openConstant(constant, at)),
      dense: (layers) =>
        runLayers(
          layers.map((layer) => placeLayer(layer, stored, at)),
          at.slab.workshop,
        ),
    })
    const runner = { signature, plan, rowWise: program.rowWise, cost: program.cost }
    this.#runners = [...this.#runners, runner]
    return runner
  }

  async close(): Promise<void> {
    this.#slab = undefined
    this.#runners = []
  }
}

/** An error of a kernel as callers of engines know it. */
function refuse(error: unknown): never {
  if (!(error instanceof SavedModelError)) throw error
  const code = error.code === 'INVALID_INPUT' ? 'INVALID_INPUT' : 'RUN_FAILED'
  // Whoever asks must know what did not fit; there is nothing more to say in a cause.
  const why = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  throw new InferenceError(code, `${error.message}${why}`)
}

function start(
  { plan, rowWise, cost }: Runner,
  inputs: Readonly<Tensors>,
  { outputs, deadlineMs = Infinity }: RunOptions,
): Tensors | Promise<Tensors> {
  const rows = rowWise === undefined ? undefined : rowsOf(rowWise, inputs)
  const weight = weightIn(inputs)
  if (rows === 1 && weight <= QUICK_WEIGHT && plan.length <= SHORT_STEPS) {
    const slots = plan.start(inputs)
    plan.run(slots)
    return plan.finish(slots, outputs)
  }
  if (rowWise !== undefined && rows !== undefined && rows > 1) {
    const rowCost = cost + (PLAIN_COST * plan.length * weight) / rows
    if (rowCost <= MULTIPLY_ADDS_MAX)
      return runInSlices(plan, { inputs, rowWise, rows, cost: rowCost, outputs, deadlineMs })
  }
  return runInSteps(plan, { inputs, outputs, deadlineMs })
}

function weightIn(inputs: Readonly<Tensors>): number {
  let weight = 0
  for (const alias in inputs) weight += weightOf(inputs[alias] ?? NOTHING)
  return weight
}
