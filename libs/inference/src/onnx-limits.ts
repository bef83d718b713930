// What a run in onnxruntime may take: it cannot be stopped, runs in the process of all, and takes whatever
// memory it is asked for. So what it will take is told before it begins, once for each shape of a request.

import { totalmem } from 'node:os'
import {
  type TensorExtent,
  extent,
  foretell,
  type Foretold,
  type Limits,
  type OutlineGraph,
  outlineOf,
  rangeOfNumbers,
} from '@drover/saved-model'
import type { Tensor } from '@drover/serving-api'
import { InferenceError } from './errors.ts'

/** No run takes more than a share of the machine's memory. */
const [BYTES_MAX, SHARE] = [2 * 2 ** 30, 1 / 4]
/** Nor does one without a deadline take longer. */
const RUN_MS_MAX = 30_000
/** Shapes that are known of one model. */
const KNOWN_MAX = 32
/** Of tensors with more elements the numbers are not part of what is known. */
const VALUES_MAX = 64

const LIMITS: Limits = {
  bytes: Math.min(
    BYTES_MAX,
    (process.constrainedMemory() || totalmem()) * SHARE,
    totalmem() * SHARE,
  ),
  ns: RUN_MS_MAX * 1e6,
}

/** Tensors by the names of an ONNX model's inputs. */
type Feeds = Readonly<Record<string, Tensor>>

interface Known {
  /** The dimensions of all inputs, and the numbers in them where these matter. */
  key: readonly number[]
  told: Foretold
}

/** The limits of one ONNX model. */
export class RunLimits {
  /** As text: it is read again for a shape that is new, and takes a tenth of the memory. */
  readonly #outline: string
  readonly #loops: readonly string[]
  readonly #dtypes: ReadonlyMap<string, TensorExtent['dtype']>
  #known: Known[] = []
  /** Whether numbers in a request have said how large a tensor becomes, or how often a loop goes round. */
  #areNumbersKept = false

  constructor(bytes: Uint8Array) {
    const outline = outlineOf(bytes)
    this.#outline = JSON.stringify(outline)
    this.#loops = loopInputsIn(outline)
    this.#dtypes = new Map(outline.inputs.map(({ name, dtype }) => [name, dtype]))
  }

  /**
   * How often each loop may go round, by the inputs that say so. Throws INVALID_INPUT for a run that takes
   * too much memory, TIMEOUT for one that cannot be done by then and RUN_FAILED for one that never ends.
   */
  check(
    feeds: Feeds,
    {
      sources,
      deadlineMs = Infinity,
    }: { sources: readonly string[]; deadlineMs?: number | undefined },
  ): ReadonlyMap<string, number> {
    const told = this.#toldOf(feeds)
    const leftMs = Math.min(deadlineMs - performance.now(), RUN_MS_MAX)
    if (!(told.bytes <= LIMITS.bytes)) throw tooLarge(told, sources)
    if (told.ns > leftMs * 1e6) throw tooLong(told, deadlineMs)
    return new Map(this.#loops.map((name) => [name, roundsWithin(told, name, leftMs * 1e6)]))
  }

  #toldOf(feeds: Feeds): Foretold {
    const key = keyOf(feeds, this.#areNumbersKept)
    const known = this.#known.find((each) => isSame(each.key, key))
    return known?.told ?? this.#tell(feeds, key)
  }

  #tell(feeds: Feeds, key: readonly number[]): Foretold {
    const outline: OutlineGraph = JSON.parse(this.#outline)
    const tell = (numbers: 'none' | 'few' | 'all') =>
      foretell(outline, this.#extentsOf(feeds, numbers), LIMITS)
    if (!this.#areNumbersKept) {
      const told = tell('none')
      if (!dependsOnNumbers(told)) return this.#keep(key, told)
      this.#areNumbersKept = true
      this.#known = []
    }
    const told = tell('few')
    // Floats that are many are only looked at where nothing else tells.
    if (!(told.bytes <= LIMITS.bytes)) return tell('all')
    // Of large tensors the key has no numbers, and another one may have others.
    const isWhole = Object.values(feeds).every((fed) => isFew(fed) || isOfFloats(fed))
    return isWhole ? this.#keep(keyOf(feeds, true), told) : told
  }

  #keep(key: readonly number[], told: Foretold): Foretold {
    this.#known = [{ key, told }, ...this.#known.slice(0, KNOWN_MAX - 1)]
    return told
  }

  #extentsOf(feeds: Feeds, numbers: 'none' | 'few' | 'all'): Map<string, TensorExtent> {
    return new Map(
      Object.entries(feeds).map(([name, tensor]) => [
        name,
        extent(this.#dtypes.get(name) ?? 'DT_FLOAT', tensor.shape, {
          isExact: true,
          range: numbers === 'none' ? undefined : numbersOf(tensor, numbers === 'all'),
        }),
      ]),
    )
  }
}

const dependsOnNumbers = ({ bytes, rounds }: Foretold): boolean =>
  !(bytes <= LIMITS.bytes) || [...rounds.values()].some(({ isKnown }) => !isKnown)

const isFew = ({ values }: Tensor): boolean => values.length <= VALUES_MAX
const isOfFloats = ({ dtype }: Tensor): boolean => dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE'

/** The numbers of a small tensor; of many integers only the least and the greatest, and of floats if asked for. */
function numbersOf(tensor: Tensor, withFloats: boolean): TensorExtent['range'] {
  const { values } = tensor
  const isLeftOut = !withFloats && !isFew(tensor) && isOfFloats(tensor)
  if (values.length === 0 || isLeftOut) return undefined
  if (isFew(tensor)) return rangeOfNumbers(Array.from(values, Number))
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    const number = Number(value)
    if (Number.isNaN(number)) return undefined
    if (number < low) low = number
    if (number > high) high = number
  }
  return { low: [low], high: [high] }
}

function keyOf(feeds: Feeds, withNumbers: boolean): number[] {
  const key: number[] = []
  for (const tensor of Object.values(feeds)) {
    key.push(tensor.shape.length)
    for (const size of tensor.shape) key.push(size)
    if (withNumbers && isFew(tensor)) for (const each of tensor.values) key.push(Number(each))
  }
  return key
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}

/** One whose end is not known goes round as often as there is time for. */
function roundsWithin({ rounds }: Foretold, name: string, leftNs: number): number {
  const found = rounds.get(name)
  // It stands in a branch that is not taken.
  if (found === undefined) return 0
  const { most, ns, isKnown } = found
  return isKnown ? most : Math.max(1, Math.min(most, Math.ceil(leftNs / ns)))
}

function loopInputsIn({ nodes }: OutlineGraph): string[] {
  return nodes.flatMap(({ op, inputs, graphs }) => [
    ...(op === 'Loop' ? inputs.slice(0, 1) : []),
    ...Object.values(graphs).flatMap(loopInputsIn),
  ])
}

function tooLarge({ bytes, largest }: Foretold, sources: readonly string[]): InferenceError {
  const size = Number.isFinite(bytes) ? `${bytes}` : 'nobody knows how many'
  const most = sources[largest?.source ?? NaN] ?? largest?.op
  const cause = new Error(`its tensors would take ${size} bytes, most of them for ${most}`)
  return new InferenceError('INVALID_INPUT', 'these inputs ask for too much memory', { cause })
}

function tooLong({ ns }: Foretold, deadlineMs: number): InferenceError {
  const isDue = deadlineMs < Infinity
  const cause = new Error(`it takes ${Math.ceil(ns / 1e6)} ms on a fast machine`)
  return new InferenceError(
    isDue ? 'TIMEOUT' : 'RUN_FAILED',
    isDue ? 'there is no time for these inputs' : `a run takes at most ${RUN_MS_MAX} ms`,
    { cause },
  )
}
