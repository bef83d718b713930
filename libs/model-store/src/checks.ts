import { invalid } from './failure.ts'
import { ModelStoreCode, ModelStoreError, type ModelStore, OBJECT_BYTES_MAX } from './store.ts'

export type Content = string | Uint8Array
export type Move = Parameters<ModelStore['swap']>[1]

/** Refuses what is too large to be read into memory. */
export function checkSize(key: string, content: Content): void {
  const sizeBytes = Buffer.byteLength(content)
  if (sizeBytes > OBJECT_BYTES_MAX) throw invalid(key, `would have ${sizeBytes} bytes`)
}

/** Refuses a move between numbers that no state can have. */
export function checkMove(key: string, { from, first, content }: Move): void {
  checkSize(key, content)
  if (![from ?? first, first].every((seq) => Number.isSafeInteger(seq) && seq >= 0)) {
    throw invalid(key, `cannot move from ${from ?? first}`)
  }
}

export function corrupt(key: string, why: string): ModelStoreError {
  return new ModelStoreError(ModelStoreCode.CORRUPT, `${key} ${why}`)
}
