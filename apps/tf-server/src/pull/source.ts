import { channelKey, type FileEntry } from '@drover/model-config'
import { type ModelStore, ModelStoreCode, ModelStoreError } from '@drover/model-store'
import { AgentError } from '../errors.ts'

const CALL_MS_MAX = 30_000
/** A file may take this much longer for each byte: 1 MB/s is slower than any store worth having. */
const BYTES_PER_MS_MIN = 1_000
const TRIES = 2

/**
 * The store as a server reads it. Everything is tried twice, and every failure is one of two kinds:
 * `FAULT`, where the store answers and the object is wrong or missing, and `IMPAIRED`, which says
 * nothing about the object.
 */
export interface Source {
  /** Reads an object and checks it; `check` throws on what does not fit. */
  read<T>(key: string, check: (content: Uint8Array) => T): Promise<T>
  /** Fetches a file to a path that does not exist. */
  fetchFile(key: string, path: string, expected: Omit<FileEntry, 'path'>): Promise<void>
}

export function makeSource(store: ModelStore, fleet: string): Source {
  /** An object that is not there proves something only while the store itself is there. */
  async function isThere(): Promise<boolean> {
    const channel = await within(CALL_MS_MAX, store.readState(channelKey(fleet)))
    return channel !== undefined
  }

  async function twice<T>(key: string, read: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await read()
      } catch (cause) {
        if (!isWrong(cause)) throw new AgentError('IMPAIRED', `cannot fetch ${key}`, { cause })
        if (tries < TRIES) continue
        const code = (await isThere().catch(() => false)) ? 'FAULT' : 'IMPAIRED'
        throw new AgentError(code, `${key} is wrong in the store`, { cause })
      }
    }
  }

  return {
    async read(key, check) {
      return await twice(key, async () => {
        const content = await within(CALL_MS_MAX, store.read(key))
        if (content === undefined)
          throw new ModelStoreError(ModelStoreCode.NOT_FOUND, `${key} is missing`)
        return checked(key, content, check)
      })
    },
    async fetchFile(key, path, { sizeBytes, sha256 }) {
      const ms = CALL_MS_MAX + sizeBytes / BYTES_PER_MS_MIN
      await twice(key, async () => {
        await within(ms, store.fetchFile(key, path, { sizeBytes, sha256 }))
      })
    },
  }
}

/** Whether an error says something about the object, and not about the way to it. */
function isWrong(error: unknown): boolean {
  if (!(error instanceof ModelStoreError)) return false
  switch (error.code) {
    case 'CORRUPT':
    case 'NOT_FOUND':
    case 'INVALID':
      return true
    case 'UNAVAILABLE':
      return false
  }
}

function checked<T>(key: string, content: Uint8Array, check: (content: Uint8Array) => T): T {
  try {
    return check(content)
  } catch (cause) {
    throw new ModelStoreError(ModelStoreCode.CORRUPT, `${key} cannot be used`, { cause })
  }
}

/** Waits for a call of the store, which has no deadline of its own. */
export async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new AgentError('DEADLINE', `the store did not answer within ${ms} ms`))
    }, ms)
  })
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}
