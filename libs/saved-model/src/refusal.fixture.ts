import { SavedModelError } from './errors.ts'

/** What was read, or the refusal as text; anything else that is thrown goes on. */
export function refusalOf<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (error instanceof SavedModelError) return `${error.code}: ${error.message}`
    throw error
  }
}

/** The refusal as text; `none` where something was read. */
export function refusalOrNone(read: () => unknown): string {
  const found = refusalOf(read)
  return typeof found === 'string' ? found : 'none'
}
