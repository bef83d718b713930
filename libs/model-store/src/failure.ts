import { z } from 'zod'
import { ModelStoreCode, ModelStoreError } from './store.ts'

const SystemError = z.object({ code: z.string() })
const CALLERS_MISTAKES = new Set(['ENAMETOOLONG', 'ENOTDIR', 'EISDIR'])

/** The `code` of a system's error, such as ENOENT; empty for any other. */
export function codeOf(error: unknown): string {
  const system = SystemError.safeParse(error)
  return system.success ? system.data.code : ''
}

export function invalid(key: string, why: string): ModelStoreError {
  return new ModelStoreError(ModelStoreCode.INVALID, `the key ${JSON.stringify(key)} ${why}`)
}

/** What the file system says, in the store's own words. A full disk is a store that is away. */
export function toStoreError(error: unknown, doing: string): ModelStoreError {
  if (error instanceof ModelStoreError) return error
  const code = codeOf(error)
  if (CALLERS_MISTAKES.has(code)) {
    const message = `${doing}: no key is also a folder of keys, or too long`
    return new ModelStoreError(ModelStoreCode.INVALID, message, { cause: error })
  }
  if (code === 'ELOOP') {
    return new ModelStoreError(ModelStoreCode.CORRUPT, `${doing}: it is a link`, { cause: error })
  }
  return new ModelStoreError(ModelStoreCode.UNAVAILABLE, doing, { cause: error })
}
