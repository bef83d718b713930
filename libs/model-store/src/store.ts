import type { FileEntry } from '@drover/model-config'

/** Largest object that is read into memory. Files of models are streamed and have no such limit. */
export const OBJECT_BYTES_MAX = 64 * 1024 * 1024

/** One state of an object that moves by compare-and-swap. */
export interface State {
  seq: number
  content: Uint8Array
}

/**
 * Where the truth is. Keys are `/`-separated, checked, and never the prefix of another key. Every
 * method throws a `ModelStoreError` when the store cannot be had. None of them does its work again:
 * on a directory nothing is retried, on S3 only single requests are (see `openS3Store`), within a
 * minute, and longer for files.
 */
export interface ModelStore extends AsyncDisposable {
  /** The object's content; undefined when there is none. */
  read(key: string): Promise<Uint8Array | undefined>
  /** Creates the object if it is absent. False: it was there already and is unchanged. */
  create(key: string, content: string | Uint8Array): Promise<boolean>
  /** Creates the object or renews its age. Only for content-addressed objects. */
  renew(key: string, content: string | Uint8Array): Promise<void>
  /** The names directly below a prefix, sorted; empty when there are none. Unfinished writes are not shown. */
  list(prefix: string): Promise<string[]>
  /** The same of all objects below a prefix, however deep, by what follows it in their keys. */
  listDeep(prefix: string): Promise<string[]>
  /** The highest state of an object that moves by compare-and-swap; undefined before the first. */
  readState(key: string): Promise<State | undefined>
  /**
   * Moves the object to its next state: wins only while `from` (undefined: no state at all) is
   * still the highest. The first state's seq is `first`, every other one `from + 1`. False: lost,
   * so observe again.
   */
  swap(
    key: string,
    move: { from: number | undefined; first: number; content: string | Uint8Array },
  ): Promise<boolean>
  /** Uploads a local file, create-if-absent, and says what it holds. */
  createFile(key: string, path: string): Promise<Omit<FileEntry, 'path'> & { created: boolean }>
  /**
   * Downloads an object to a local file that does not exist yet, checking size and sha256 while it
   * streams. What does not fit is removed again and is a `ModelStoreError` CORRUPT.
   */
  fetchFile(key: string, path: string, expected: Omit<FileEntry, 'path'>): Promise<void>
}

/** What went wrong, for whoever has to decide. */
export const ModelStoreCode = {
  /** The store cannot be read or written now. */
  UNAVAILABLE: 'UNAVAILABLE',
  /** An object is not what its name, its digest or its schema says. */
  CORRUPT: 'CORRUPT',
  /** Something that was expected is not there. */
  NOT_FOUND: 'NOT_FOUND',
  /** A key or a size that is not allowed, or a place that cannot hold a store. */
  INVALID: 'INVALID',
} as const
export type ModelStoreCode = (typeof ModelStoreCode)[keyof typeof ModelStoreCode]

export class ModelStoreError extends Error {
  override readonly name = 'ModelStoreError'
  readonly code: ModelStoreCode

  constructor(code: ModelStoreCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Whether one object is at fault and not the store: then work on all others can go on. */
export function isObjectFault(error: unknown): error is ModelStoreError {
  return error instanceof ModelStoreError && error.code !== ModelStoreCode.UNAVAILABLE
}
