import type { ModelStore } from './store.ts'

/** A method of the store that can be made to fail. */
export type StoreMethod = Exclude<keyof ModelStore, symbol>

/** Awaited before and after each call; what it throws is what the call throws. */
export type FaultHook = (
  method: StoreMethod,
  key: string,
  when: 'before' | 'after',
) => Promise<void> | void

/**
 * The store with a crash or a lost answer between any two steps, for tests: thrown `before`, the
 * call did nothing; thrown `after`, it did its work and nobody heard of it.
 */
export function withFaults(store: ModelStore, hook: FaultHook): ModelStore {
  async function run<T>(method: StoreMethod, key: string, call: () => Promise<T>): Promise<T> {
    await hook(method, key, 'before')
    const answer = await call()
    await hook(method, key, 'after')
    return answer
  }
  return {
    read: async (key) => await run('read', key, async () => await store.read(key)),
    create: async (key, content) =>
      await run('create', key, async () => await store.create(key, content)),
    renew: async (key, content) =>
      await run('renew', key, async () => await store.renew(key, content)),
    list: async (prefix) => await run('list', prefix, async () => await store.list(prefix)),
    listDeep: async (prefix) =>
      await run('listDeep', prefix, async () => await store.listDeep(prefix)),
    readState: async (key) => await run('readState', key, async () => await store.readState(key)),
    swap: async (key, move) => await run('swap', key, async () => await store.swap(key, move)),
    createFile: async (key, path) =>
      await run('createFile', key, async () => await store.createFile(key, path)),
    fetchFile: async (key, path, expected) =>
      await run('fetchFile', key, async () => await store.fetchFile(key, path, expected)),
    [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose](),
  }
}
