import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createJson, readJson, readStateJson, requireJson, swapJson } from './json.ts'
import { openPosixStore } from './posix.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-json-'))
})

afterAll(async () => await rm(folder, { recursive: true }))

let stores = 0
const openStore = async () => await openPosixStore(join(folder, String(stores++)))

describe('JSON in the store', () => {
  const CONTENT = { format: 1, seq: 4 }
  const Thing = z.strictObject({ format: z.literal(1), seq: z.int() })

  test('of a later format, of another shape or of no shape is CORRUPT', async () => {
    await using store = await openStore()
    for (const [index, content] of ['{"format":2,"seq":1}', '{"format":1}', '{'].entries()) {
      await store.create(`a/${index}`, content)
      const read = readJson(store, `a/${index}`, Thing)
      await expect(read).rejects.toMatchObject({ code: 'CORRUPT', cause: expect.anything() })
    }
  })

  test('that moves carries the seq under which it is filed', async () => {
    await using store = await openStore()
    await swapJson(store, 'a/c.json', undefined, CONTENT)
    expect(await readStateJson(store, 'a/c.json', Thing)).toEqual(CONTENT)

    await store.swap('a/c.json', { from: 4, first: 0, content: '{"format":1,"seq":9}' })

    await expect(readStateJson(store, 'a/c.json', Thing)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test('that is required and missing is NOT_FOUND', async () => {
    await using store = await openStore()

    expect(await readJson(store, 'a/b', Thing)).toBeUndefined()
    const required = requireJson(store, 'a/b', Thing)
    await expect(required).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is created once', async () => {
    await using store = await openStore()

    expect(await createJson(store, 'a/b', { format: 1, seq: 1 })).toBe(true)
    expect(await createJson(store, 'a/b', { format: 1, seq: 2 })).toBe(false)

    expect(await readJson(store, 'a/b', Thing)).toEqual({ format: 1, seq: 1 })
  })
})
