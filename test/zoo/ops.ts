// Which operations keep models of the zoo from the fast engines.

import { isTranslated } from '@drover/saved-model'
import { isFast, type Row } from './run.ts'

/** An operation without a translation, or some that belong together. */
export interface Blocker {
  what: string
  /** How many models that no fast engine runs need it. */
  models: number
  /** Those of them that need nothing else without a translation; calls and variables do not count. */
  alone: string[]
}

const PLUMBING = 'calls and variables'
/** What is of no use by itself. */
const GROUPS: readonly [RegExp, string][] = [
  [/PartitionedCall$|^(VarHandleOp|ReadVariableOp|VariableV2)$/, PLUMBING],
  [/^(LookupTable|HashTableV2$)/, 'tables'],
  [/^(While|StatelessWhile|TensorList\w+)$/, 'loops and lists of tensors'],
  [/^(If|StatelessIf|Case|StatelessCase)$/, 'branches'],
  [/^(Enter|Exit|Merge|Switch|NextIteration|LoopCond)$/, 'loops and branches of TensorFlow 1'],
  [/^Assign\w*Op$/, 'variables that change'],
]

const groupOf = (op: string): string => GROUPS.find(([pattern]) => pattern.test(op))?.[1] ?? op

/**
 * What no fast engine has: the ones that many models wait for are first. That an operation is
 * translated does not say that each form and each type of it is.
 */
export function blockersOf(rows: readonly Row[]): Blocker[] {
  const found = new Map<string, Blocker>()
  for (const { name, ops } of rows.filter((row) => !isFast(row))) {
    const missing = new Set(ops.filter((op) => !isTranslated(op)).map(groupOf))
    for (const what of missing) {
      const blocker = found.get(what) ?? { what, models: 0, alone: [] }
      found.set(what, blocker)
      blocker.models += 1
      const others = [...missing].filter((other) => other !== what && other !== PLUMBING)
      if (others.length === 0) blocker.alone.push(name)
    }
  }
  return [...found.values()].toSorted(
    (a, b) => b.models - a.models || b.alone.length - a.alone.length || (a.what < b.what ? -1 : 1),
  )
}
