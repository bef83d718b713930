const HISTORY_MAX = 8
const ITERATIONS_MAX = 200
const HALVINGS_MAX = 20
/** How much of the promised decrease a step must bring. */
const ARMIJO = 1e-4

/** The value of a function at a point, and its gradient there. */
export interface Evaluation {
  value: number
  gradient: Float64Array
}

interface Point extends Evaluation {
  at: Float64Array
}

/** A step that was taken, and how the gradient changed over it. */
interface Pair {
  step: Float64Array
  change: Float64Array
  /** 1 / (step · change) */
  rho: number
}

/**
 * Finds the minimum of a smooth convex function by L-BFGS with a backtracking line search, from a
 * starting point. Ends when a step brings less than `tolerance`, relative to the value.
 */
export async function minimise(
  evaluate: (at: Float64Array) => Promise<Evaluation>,
  start: Float64Array,
  tolerance: number,
): Promise<Float64Array> {
  const pairs: Pair[] = []
  let here: Point = { at: start, ...(await evaluate(start)) }
  for (let iteration = 0; iteration < ITERATIONS_MAX; iteration++) {
    const direction = directionOf(here.gradient, pairs)
    const next = await search(evaluate, here, direction, iteration === 0)
    if (next === undefined) return here.at
    const pair = pairOf(here, next)
    if (pair !== undefined) pairs.push(pair)
    if (pairs.length > HISTORY_MAX) pairs.shift()
    const decrease = here.value - next.value
    here = next
    if (decrease <= tolerance * Math.max(1e-3, Math.abs(here.value))) return here.at
  }
  return here.at
}

/** The quasi-Newton direction: the two loops of L-BFGS. */
function directionOf(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((slope) => -slope)
  const alphas = new Map<Pair, number>()
  for (const pair of pairs.toReversed()) {
    const alpha = pair.rho * dot(pair.step, direction)
    alphas.set(pair, alpha)
    addScaled(direction, pair.change, -alpha)
  }
  const last = pairs.at(-1)
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.change, last.change))
    for (let index = 0; index < direction.length; index++)
      direction[index] = (direction[index] ?? 0) * scale
  }
  for (const pair of pairs) {
    const beta = pair.rho * dot(pair.change, direction)
    addScaled(direction, pair.step, (alphas.get(pair) ?? 0) - beta)
  }
  return direction
}

/** The next point along a direction; undefined when none is lower. */
async function search(
  evaluate: (at: Float64Array) => Promise<Evaluation>,
  here: Point,
  direction: Float64Array,
  isFirst: boolean,
): Promise<Point | undefined> {
  const slope = dot(here.gradient, direction)
  if (!(slope < 0)) return undefined
  let length = isFirst ? 1 / Math.max(1, Math.sqrt(-slope)) : 1
  for (let halving = 0; halving < HALVINGS_MAX; halving++) {
    const at = here.at.slice()
    addScaled(at, direction, length)
    const there = await evaluate(at)
    if (there.value <= here.value + ARMIJO * length * slope) return { at, ...there }
    length /= 2
  }
  return undefined
}

/** Undefined where rounding made the curvature useless. */
function pairOf(from: Point, to: Point): Pair | undefined {
  const step = to.at.slice()
  addScaled(step, from.at, -1)
  const change = to.gradient.slice()
  addScaled(change, from.gradient, -1)
  const curvature = dot(step, change)
  return curvature > 1e-12 ? { step, change, rho: 1 / curvature } : undefined
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0)
  return sum
}

/** a += scale * b */
function addScaled(a: Float64Array, b: Float64Array, scale: number): void {
  for (let index = 0; index < a.length; index++)
    a[index] = (a[index] ?? 0) + scale * (b[index] ?? 0)
}
