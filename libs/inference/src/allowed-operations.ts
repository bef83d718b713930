import { canBeAllowed } from '@drover/saved-model'
import { z } from 'zod'

const OPERATIONS_MAX = 100
const OperationName = z.string().refine(canBeAllowed, {
  error: ({ input }) =>
    `${JSON.stringify(input)} cannot be allowed: nothing is refused by this name alone`,
})

/**
 * An operator's setting: operations that models may have all the same, parted by commas, among those that
 * are refused by their names. What is refused by none, and what TensorFlow does not have, is an error.
 */
export const AllowedOperations = z
  .string()
  .transform((text) => text.split(',').map((op) => op.trim()))
  .transform((ops) => ops.filter((op) => op !== ''))
  .pipe(z.array(OperationName).max(OPERATIONS_MAX))

/** What such a setting allows, or what is wrong with it, in one line. */
export function parseAllowed(text: string): { allowed: readonly string[] } | { fault: string } {
  const { data, error } = AllowedOperations.safeParse(text)
  if (error === undefined) return { allowed: data }
  return { fault: error.issues.map(({ message }) => message).join('; ') }
}
