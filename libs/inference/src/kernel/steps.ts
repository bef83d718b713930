// A program step by step: for those of which it is not known that rows are independent, and for rows
// that are large. A step that takes long is itself run a few rows at a time, where it can be.

import { performance } from 'node:perf_hooks'
import type { Plan, RowParts, Slots } from '@drover/saved-model'
import type { Tensors } from '../servable.ts'
import { Pace, Stretches } from './stretches.ts'

/** Steps that should cost so many multiply-adds together are run without a look at the clock: tens of microseconds. */
const PIECE_COST = 250_000
/** What any step costs, in multiply-adds. */
const STEP_COST = 500

/** A request that is run step by step. */
export interface SteppedRun {
  inputs: Readonly<Tensors>
  outputs: readonly string[] | undefined
  deadlineMs: number
}

/** The answer; at once if it takes about 2 ms at most. */
export function runInSteps(
  plan: Plan,
  { inputs, outputs, deadlineMs }: SteppedRun,
): Tensors | Promise<Tensors> {
  const stretches = new Stretches(deadlineMs, performance.now())
  const walk = new Walk(plan, plan.start(inputs))
  return stretches.run({
    isDone: () => walk.isDone,
    work: () => walk.piece(),
    finish: () => plan.finish(walk.slots, outputs),
  })
}

/** How far a run has come. */
class Walk {
  readonly slots: Slots
  readonly #plan: Plan
  #step = 0
  /** The step that is being run a few rows at a time. */
  #parts: { rows: RowParts; pace: Pace } | undefined

  constructor(plan: Plan, slots: Slots) {
    this.#plan = plan
    this.slots = slots
  }

  get isDone(): boolean {
    return this.#step >= this.#plan.length
  }

  /** Some small steps, or a large one, or a part of it. */
  piece(): void {
    if (this.#parts !== undefined) {
      this.#part(this.#parts)
      return
    }
    for (let cost = 0; cost <= PIECE_COST && !this.isDone;) {
      const next = STEP_COST + this.#plan.costOf(this.slots, this.#step)
      // The clock is looked at before a large step: what came before it may have taken long.
      if (cost > 0 && cost + next > PIECE_COST) return
      if (next > PIECE_COST && this.#divide(next)) return
      this.#plan.run(this.slots, this.#step, this.#step + 1)
      this.#step++
      cost += next
    }
  }

  #divide(cost: number): boolean {
    const rows = this.#plan.inRows(this.slots, this.#step)
    if (rows === undefined) return false
    this.#parts = { rows, pace: new Pace(cost / rows.rows) }
    return true
  }

  #part({ rows, pace }: { rows: RowParts; pace: Pace }): void {
    const [before, left] = [performance.now(), rows.left]
    rows.run(pace.rows)
    pace.took(left - rows.left, performance.now() - before)
    if (rows.left > 0) return
    this.#parts = undefined
    this.#step++
  }
}
