import { canonicalJson } from '@drover/model-config'
import { z } from 'zod'
import { ModelStoreCode, ModelStoreError, type ModelStore } from './store.ts'

const FORMAT_MAX = 1
const Format = z.object({ format: z.int() })
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Reads an object and checks it; undefined when there is none, CORRUPT when it breaks its schema. */
export async function readJson<T>(
  store: ModelStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const content = await store.read(key)
  return content === undefined ? undefined : parseObject(key, content, schema)
}

/** Like `readJson`, where an absent object is NOT_FOUND. */
export async function requireJson<T>(
  store: ModelStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<T> {
  const value = await readJson(store, key, schema)
  if (value === undefined) throw new ModelStoreError(ModelStoreCode.NOT_FOUND, `${key} is missing`)
  return value
}

/** The highest state of a compare-and-swap object, checked; its seq must be the one it is filed under. */
export async function readStateJson<T extends { seq: number }>(
  store: ModelStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const state = await store.readState(key)
  if (state === undefined) return undefined
  const value = parseObject(key, state.content, schema)
  if (value.seq !== state.seq) {
    throw new ModelStoreError(
      ModelStoreCode.CORRUPT,
      `${key} says seq ${value.seq} and is filed under ${state.seq}`,
    )
  }
  return value
}

/** Creates an object if it is absent; false when it was there already. */
export async function createJson(store: ModelStore, key: string, value: object): Promise<boolean> {
  return await store.create(key, canonicalJson(value))
}

/** Swaps a compare-and-swap object to a value that carries its own new seq. */
export async function swapJson(
  store: ModelStore,
  key: string,
  from: number | undefined,
  value: { seq: number },
): Promise<boolean> {
  const content = canonicalJson(value)
  return await store.swap(key, { from, first: value.seq, content })
}

function parseObject<T>(key: string, content: Uint8Array, schema: z.ZodType<T>): T {
  try {
    const value: unknown = JSON.parse(decoder.decode(content))
    const { format } = Format.parse(value)
    if (format > FORMAT_MAX) {
      throw new RangeError(`format ${format} is newer than this Drover, which reads ${FORMAT_MAX}`)
    }
    return schema.parse(value)
  } catch (cause) {
    throw new ModelStoreError(ModelStoreCode.CORRUPT, `${key} cannot be understood`, { cause })
  }
}
