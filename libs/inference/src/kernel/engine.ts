import { type Division, PART_NS_MAX, Plan, SavedModelError, textNs } from '@drover/saved-model'
import type { SignatureDef } from '@drover/serving-api'
import { InferenceError } from '../errors.ts'
import type { Engine, RunOptions, Tensors } from '../servable.ts'
import { type Description, openDescription } from './description.ts'
import { runLayers } from './layers.ts'
import { openSlab, type Slab } from './slab.ts'
import { partsOf, Slices } from './slices.ts'
import { openConstant, placeLayer, type StoredModel } from './stored.ts'
import { runInStretches } from './stretches.ts'
import type { KernelMessage } from './types.ts'

/** What takes no longer is not worth looking at the clock. */
const AT_ONCE_NS = 200_000
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
export function openKernels({ slab, at, description }: KernelMessage): KernelEngine {
  return new OpenModel(openSlab(slab), at, openDescription(description))
}

/** A signature ready to run. */
interface Runner {
  signature: string
  plan: Plan
  division: Division
}

/** Few fields, since a process may hold ten thousand that are never asked. */
class OpenModel implements KernelEngine {
  readonly name = 'kernel'
  readonly #at: number
  readonly #description: Description
  #slab: Slab | undefined
  #runners: readonly Runner[] = []

  constructor(slab: Slab, at: number, description: Description) {
    this.#slab = slab
    this.#at = at
    this.#description = description
  }

  /** Where it is. Once the model is closed, its memory may be another one's. */
  get #openSlab(): Slab {
    if (this.#slab === undefined) throw closed()
    return this.#slab
  }

  get #stored(): StoredModel {
    if (this.#slab === undefined && !this.#description.isRead) throw closed()
    return this.#description.stored
  }

  get signatures(): Readonly<Record<string, SignatureDef>> {
    return this.#stored.signatures
  }

  run(
    signature: string,
    inputs: Readonly<Tensors>,
    options: RunOptions = {},
  ): Tensors | Promise<Tensors> {
    const runner =
      this.#runners.find((each) => each.signature === signature) ?? this.#makeReady(signature)
    try {
      const answer = start(runner, inputs, options)
      return answer instanceof Promise ? answer.catch(refuse) : answer
    } catch (error) {
      return refuse(error)
    }
  }

  #makeReady(signature: string): Runner {
    const slab = this.#openSlab
    const runner = { signature, ...runnerOf(signature, this.#stored, { slab, at: this.#at }) }
    this.#runners = [...this.#runners, runner]
    return runner
  }

  async close(): Promise<void> {
    this.#slab = undefined
    this.#runners = []
  }
}

/** How a signature is run. Throws INVALID_INPUT where there is none of the name. */
export function runnerOf(
  signature: string,
  stored: StoredModel,
  { slab, at: from }: { slab: Slab; at: number },
): Pick<Runner, 'plan' | 'division'> {
  const at = { memory: slab.memory, at: from }
  const program = stored.programs[signature]
  if (program === undefined)
    throw new InferenceError('INVALID_INPUT', `the model has no signature ${signature}`)
  const plan = new Plan(program, {
    constants: stored.constants.map((constant) => openConstant(constant, at)),
    isJoined: true,
    dense: (layers) =>
      runLayers(
        layers.map((layer) => placeLayer(layer, stored, at)),
        slab.workshop,
      ),
  })
  return { plan, division: program.division }
}

const closed = (): InferenceError => new InferenceError('UNAVAILABLE', 'the model is closed')

/** An error of a kernel as callers of engines know it. */
function refuse(error: unknown): never {
  if (!(error instanceof SavedModelError)) throw error
  const code = error.code === 'INVALID_INPUT' ? 'INVALID_INPUT' : 'RUN_FAILED'
  // Whoever asks must know what did not fit; there is nothing more to say in a cause.
  const why = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  throw new InferenceError(code, `${error.message}${why}`)
}

function start(
  { plan, division }: Runner,
  inputs: Readonly<Tensors>,
  { outputs, deadlineMs = Infinity }: RunOptions,
): Tensors | Promise<Tensors> {
  const parts = partsOf(division, inputs)
  if (parts === undefined || parts === 0) return runUndivided(plan, inputs, outputs)
  if (isQuick({ plan, division }, inputs, parts)) {
    const slots = plan.start(inputs)
    plan.run(slots)
    return plan.finish(slots, outputs)
  }
  return runInStretches(new Slices({ plan, division }, inputs, { parts, outputs }), deadlineMs)
}

/** Whether a request is known to take little; of one with texts that are read nothing is known. */
function isQuick(
  { plan, division }: Pick<Runner, 'plan' | 'division'>,
  inputs: Readonly<Tensors>,
  parts: number,
): boolean {
  const { texts, partNs } = division
  let ns = plan.stepsNs + parts * partNs
  if (texts === 'none' || ns > AT_ONCE_NS) return ns <= AT_ONCE_NS
  for (const alias in inputs) ns += textNs(inputs[alias] ?? NOTHING)
  return texts === 'moved' && ns <= AT_ONCE_NS
}

/**
 * Shapes that the signature does not tell of, which TensorFlow takes where the graph can work with them.
 * Nobody knows what these cost before each step, and all of them together may cost what a part may.
 */
function runUndivided(
  plan: Plan,
  inputs: Readonly<Tensors>,
  outputs: readonly string[] | undefined,
): Tensors {
  let ns = Object.values(inputs).reduce((sum, input) => sum + textNs(input), plan.stepsNs)
  if (ns > PART_NS_MAX) throw tooLarge()
  const slots = plan.start(inputs)
  for (let step = 0; step < plan.length; step++) ns += plan.runWithin(slots, step, PART_NS_MAX - ns)
  if (ns + plan.textNs(slots) > PART_NS_MAX) throw tooLarge()
  return plan.finish(slots, outputs)
}

const tooLarge = (): InferenceError =>
  new InferenceError(
    'INVALID_INPUT',
    'the inputs do not have the shapes of the signature, and too many texts for others',
  )
