import { z } from 'zod'

const PORT_MAX = 65_535

/** A TCP port; 0 takes a free one. */
export const Port = z.coerce.number().int().min(0).max(PORT_MAX)

/** Reads all settings at once; throws one error that lists everything wrong with them. */
export function readSettings<T extends object>(
  schema: z.ZodType<T>,
  env: NodeJS.ProcessEnv,
): Readonly<T> {
  const settings = schema.safeParse(env)
  if (!settings.success) throw new Error(`settings: ${z.prettifyError(settings.error)}`)
  return Object.freeze(settings.data)
}
