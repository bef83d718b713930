import assert from 'node:assert'
import { startTrainer, type Trainer } from '@drover/training'

/** Warm training processes, one for each slot. */
export interface Trainers extends AsyncDisposable {
  /** Lends one that nobody else uses; there are as many as trainings at a time. */
  borrow: <T>(use: (trainer: Trainer) => Promise<T>) => Promise<T>
}

/** Starts the training processes. They end with this process or when they are disposed of. */
export function openTrainers(slots: number, open: () => Trainer = startTrainer): Trainers {
  const all = Array.from({ length: slots }, open)
  const free = [...all]
  return {
    async borrow(use) {
      const trainer = free.pop()
      assert(trainer !== undefined, 'more trainings run than there are slots')
      try {
        return await use(trainer)
      } finally {
        free.push(trainer)
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map(async (trainer) => await trainer[Symbol.asyncDispose]()))
    },
  }
}
