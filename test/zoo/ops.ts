// Which operations keep models of the zoo from the fast engines.

import { isSupported } from '@drover/saved-model'
import { isFast, type Row } from './run.ts'

/** An operation without a translation, or some that belong together. */
export interface Blocker {
  what: string
  /** How many models that no fast engine runs need it. */
  models: number
  /** Those of them that need nothing else without a translation. */
  alone: string[]
}

/** What is of no use by itself. */
const GROUPS: readonly [RegExp, string][] = [
  [/^(Enter|Exit|NextIteration|LoopCond)$/, 'loops of TensorFlow 1'],
  [/^Assign\w*Op$/, 'variables that change'],
]

const groupOf = (op: string): string => GROUPS.find(([pattern]) => pattern.test(op))?.[1] ?? op

type Needs = Pick<Row, 'name' | 'engine' | 'ops'>

const missingIn = ({ ops }: Needs): string[] => [
  ...new Set(ops.filter((op) => !isSupported(op)).map(groupOf)),
]

const slowOnes = (rows: readonly Needs[]): Needs[] => rows.filter((row) => !isFast(row))

/** What no fast engine has: the ones that many models wait for are first. */
export function blockersOf(rows: readonly Needs[]): Blocker[] {
  const found = new Map<string, Blocker>()
  for (const row of slowOnes(rows)) {
    const missing = missingIn(row)
    for (const what of missing) {
      const blocker = found.get(what) ?? { what, models: 0, alone: [] }
      found.set(what, blocker)
      blocker.models += 1
      if (missing.length === 1) blocker.alone.push(row.name)
    }
  }
  return [...found.values()].toSorted(
    (a, b) => b.models - a.models || b.alone.length - a.alone.length || (a.what < b.what ? -1 : 1),
  )
}

/** Models that no fast engine runs though each of their operations is translated: not in this form, or of this type. */
export const blockedByForm = (rows: readonly Needs[]): string[] =>
  slowOnes(rows).flatMap((row) => (missingIn(row).length === 0 ? row.name : []))
