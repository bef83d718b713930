// What every store promises of files and of its absence; the other promises are beside this file.

import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { ModelStore } from './store.ts'

/** A store of its own for one test, in a directory that the test may take away. */
export interface Opened {
  directory: string
  store: ModelStore
  /** Opens the store in a directory once more. */
  reopen: (directory: string, options?: { create: boolean }) => Promise<ModelStore>
}
export type Open = () => Promise<Opened>

export const text = (content: Uint8Array | undefined) => content && Buffer.from(content).toString()
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')

/** These promises, for whoever can open a store. */
export function describeFiles(openStore: Open): void {
  describe('a file', () => {
    async function withSource(content: string) {
      const opened = await openStore()
      const source = `${opened.directory}-source`
      await fs.writeFile(source, content)
      return { ...opened, source, target: `${opened.directory}-target` }
    }

    test('is uploaded once, and the answer says what the store holds', async () => {
      const { store, source } = await withSource('content')
      const held = { sizeBytes: 7, sha256: sha256('content') }

      expect(await store.createFile('a/b', source)).toEqual({ ...held, created: true })
      await fs.writeFile(source, 'another one')
      expect(await store.createFile('a/b', source)).toEqual({ ...held, created: false })
    })

    test('larger than the buffer goes there and back unchanged', async () => {
      const content = 'drover '.repeat(500_000)
      const { store, source, target } = await withSource(content)

      const held = await store.createFile('a/b', source)
      await store.fetchFile('a/b', target, held)

      expect(held).toMatchObject({ sizeBytes: content.length, sha256: sha256(content) })
      expect(await fs.readFile(target, 'utf8')).toBe(content)
    })

    test.each([
      ['size', { sizeBytes: 8, sha256: sha256('content') }],
      ['sha256', { sizeBytes: 7, sha256: sha256('other') }],
    ])('of another %s than expected is not fetched', async (_what, expected) => {
      const { store, source, target } = await withSource('content')
      await store.createFile('a/b', source)

      const fetched = store.fetchFile('a/b', target, expected)

      await expect(fetched).rejects.toMatchObject({ code: 'CORRUPT' })
      await expect(fs.lstat(target)).rejects.toMatchObject({ code: 'ENOENT' })
    })

    test('never replaces one that is there', async () => {
      const { store, source, target } = await withSource('content')
      const held = await store.createFile('a/b', source)
      await fs.writeFile(target, 'mine')

      await expect(store.fetchFile('a/b', target, held)).rejects.toMatchObject({ code: 'INVALID' })

      expect(await fs.readFile(target, 'utf8')).toBe('mine')
    })

    test('that is missing on either side is NOT_FOUND', async () => {
      const { store, source, target } = await withSource('content')
      const missing = { code: 'NOT_FOUND' }

      await expect(store.createFile('a/b', `${source}-no`)).rejects.toMatchObject(missing)
      const expected = { sizeBytes: 1, sha256: sha256('x') }
      await expect(store.fetchFile('a/b', target, expected)).rejects.toMatchObject(missing)
    })
  })
}

/** These promises, for whoever can open a store. */
export function describeAbsence(openStore: Open): void {
  const unavailable = { code: 'UNAVAILABLE', cause: expect.anything() }

  async function expectUnavailable(store: ModelStore) {
    await expect(store.read('a/b')).rejects.toMatchObject(unavailable)
    await expect(store.readState('a/c.json')).rejects.toMatchObject(unavailable)
    await expect(store.list('a')).rejects.toMatchObject(unavailable)
    await expect(store.listDeep('a')).rejects.toMatchObject(unavailable)
    await expect(store.list('')).rejects.toMatchObject(unavailable)
    await expect(store.create('a/d', 'x')).rejects.toMatchObject(unavailable)
    for (const from of [undefined, 1]) {
      const move = { from, first: 1, content: 'x' }
      await expect(store.swap('a/c.json', move)).rejects.toMatchObject(unavailable)
    }
  }

  test('is not an empty one: its directory is gone', async () => {
    const { directory, store } = await openStore()
    await store.create('a/b', 'x')
    await fs.rename(directory, `${directory}-moved`)

    await expectUnavailable(store)

    await fs.rename(`${directory}-moved`, directory)
    expect(text(await store.read('a/b'))).toBe('x')
  })

  test('is not an empty one: its disk is not mounted', async () => {
    const { directory, store } = await openStore()
    await fs.rename(directory, `${directory}-unmounted`)
    await fs.mkdir(directory)

    await expectUnavailable(store)

    expect(await fs.readdir(directory)).toEqual([])
  })

  test('is not made by whoever only reads', async () => {
    const { directory, reopen } = await openStore()
    const [mount, nowhere] = [`${directory}-mount`, `${directory}-nowhere`]
    await fs.mkdir(mount)
    const reader = { create: false }

    for (const path of [mount, nowhere]) {
      await expect(reopen(path, reader)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    }

    expect(await fs.readdir(mount)).toEqual([])
    await expect(fs.access(nowhere)).rejects.toMatchObject({ code: 'ENOENT' })
    const store = await reopen(directory, reader)
    expect(await store.read('a/b')).toBeUndefined()
  })
}
