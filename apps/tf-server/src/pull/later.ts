import type { ModelStore } from '@drover/model-store'

/**
 * A store that is opened at the first call, and again at each later one until that works: a server
 * starts from its cache while its store is away.
 */
export function openLater(open: () => Promise<ModelStore>): ModelStore {
  let opening: Promise<ModelStore> | undefined
  async function opened(): Promise<ModelStore> {
    opening ??= open()
    try {
      return await opening
    } catch (error) {
      opening = undefined
      throw error
    }
  }

  return {
    read: async (key) => await (await opened()).read(key),
    create: async (key, content) => await (await opened()).create(key, content),
    renew: async (key, content) => await (await opened()).renew(key, content),
    list: async (prefix) => await (await opened()).list(prefix),
    listDeep: async (prefix) => await (await opened()).listDeep(prefix),
    readState: async (key) => await (await opened()).readState(key),
    swap: async (key, move) => await (await opened()).swap(key, move),
    createFile: async (key, path) => await (await opened()).createFile(key, path),
    fetchFile: async (key, path, expected) => await (await opened()).fetchFile(key, path, expected),
    [Symbol.asyncDispose]: async () => {
      const store = await opening?.catch(() => undefined)
      await store?.[Symbol.asyncDispose]()
    },
  }
}
