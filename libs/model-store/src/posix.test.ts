import { createHash } from 'node:crypto'
import nodeFs, * as fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPosixStore } from './posix.ts'
import { type ModelStore, OBJECT_BYTES_MAX } from './store.ts'

let folder: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'drover-store-'))
})

afterAll(async () => await fs.rm(folder, { recursive: true }))

let stores = 0
async function openStore() {
  const directory = join(folder, `store-${stores++}`)
  return { directory, store: await openPosixStore(directory) }
}

const text = (content: Uint8Array | undefined) => content && Buffer.from(content).toString()
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')

describe('an object', () => {
  test('is created once and keeps its first content', async () => {
    const { store } = await openStore()

    expect(await store.create('a/b.json', 'first')).toBe(true)
    expect(await store.create('a/b.json', 'second')).toBe(false)

    expect(text(await store.read('a/b.json'))).toBe('first')
  })

  test('that is not there reads as undefined, and its folder lists nothing', async () => {
    const { store } = await openStore()

    expect(await store.read('no/such.json')).toBeUndefined()
    expect(await store.readState('no/such.json')).toBeUndefined()
    expect(await store.list('no')).toEqual([])
  })

  test('above the limit for memory is refused when it is written and when it is read', async () => {
    const { directory, store } = await openStore()
    await store.create('a/b', '')
    await fs.truncate(join(directory, 'a/b'), OBJECT_BYTES_MAX + 1)

    await expect(store.read('a/b')).rejects.toMatchObject({ code: 'CORRUPT' })
    const large = new Uint8Array(OBJECT_BYTES_MAX + 1)
    await expect(store.create('a/c', large)).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('that is renewed gets a new age, or is created', async () => {
    const { directory, store } = await openStore()
    await store.renew('a/b', 'same')
    await fs.utimes(join(directory, 'a/b'), 1, 1)

    await store.renew('a/b', 'same')

    expect((await fs.stat(join(directory, 'a/b'))).mtimeMs).toBeGreaterThan(1_000_000)
    expect(text(await store.read('a/b'))).toBe('same')
  })

  test('of another content is not renewed', async () => {
    const { store } = await openStore()
    await store.create('a/b', 'one')

    await expect(store.renew('a/b', 'two')).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test.each(['a', 'a/b/c'])('of which a/b is the key leaves %s no key', async (key) => {
    const { store } = await openStore()
    await store.create('a/b', 'content')

    await expect(store.create(key, 'other')).rejects.toMatchObject({ code: 'INVALID' })

    expect(await store.read(key)).toBeUndefined()
  })
})

describe('a listing', () => {
  test('shows names in order, states as their object, and nothing unfinished', async () => {
    const { directory, store } = await openStore()
    await store.create('t/b', '1')
    await store.create('t/a/x', '1')
    await store.swap('t/c.json', { from: undefined, first: 1, content: '1' })
    await fs.writeFile(join(directory, 't/.tmp-1-x'), 'half')
    await fs.mkdir(join(directory, 't/d/e'), { recursive: true })
    await fs.symlink('/etc/passwd', join(directory, 't/f'))

    expect(await store.list('t')).toEqual(['a', 'b', 'c.json'])
    expect(await store.list('')).toEqual(['t'])
  })
})

describe('a key', () => {
  test.each([
    ['', 'empty'],
    ['/a', 'empty'],
    ['a//b', 'empty'],
    ['a/', 'empty'],
    ['a/../b', 'dots'],
    ['..', 'dots'],
    ['a/./b', 'dots'],
    ['a/.../b', 'dots'],
    ['a/b\0', 'NUL'],
    ['a\\b', 'backslash'],
    ['.store', 'dot'],
    ['a/.tmp-1', '.tmp-'],
    ['a/b.json.d/1', '.json.d'],
    [`a/${'é'.repeat(150)}`, 'long'],
    ['a/'.repeat(40) + 'b', 'parts'],
  ])('%j is refused', async (key, why) => {
    const { directory, store } = await openStore()
    const refusal = { code: 'INVALID', message: expect.stringContaining(why) }

    await expect(store.create(key, 'x')).rejects.toMatchObject(refusal)
    await expect(store.read(key)).rejects.toMatchObject(refusal)
    await expect(store.fetchFile(key, 'x', { sizeBytes: 0, sha256: '' })).rejects.toMatchObject(
      refusal,
    )

    expect((await fs.readdir(directory)).filter((name) => !name.startsWith('.'))).toEqual([])
  })

  test('that ends otherwise than .json has no states', async () => {
    const { store } = await openStore()

    const move = { from: undefined, first: 1, content: 'x' }
    await expect(store.swap('a/b', move)).rejects.toMatchObject({ code: 'INVALID' })
  })
})

describe('a link inside the store', () => {
  test('is followed neither as a folder nor as an object', async () => {
    const { directory, store } = await openStore()
    await store.create('a/b', 'inside')
    const outside = join(folder, 'outside')
    await fs.mkdir(outside, { recursive: true })
    await fs.writeFile(join(outside, 'secret'), 'secret')
    await fs.symlink(outside, join(directory, 'away'))
    await fs.symlink(join(outside, 'secret'), join(directory, 'a/link'))
    const corrupt = { code: 'CORRUPT' }

    await expect(store.read('away/secret')).rejects.toMatchObject(corrupt)
    await expect(store.list('away')).rejects.toMatchObject(corrupt)
    await expect(store.create('away/new', 'x')).rejects.toMatchObject(corrupt)
    await expect(store.read('a/link')).rejects.toMatchObject(corrupt)
    const move = { from: undefined, first: 1, content: 'x' }
    await expect(store.swap('away/x.json', move)).rejects.toMatchObject(corrupt)

    expect(await fs.readdir(outside)).toEqual(['secret'])
  })
})

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

describe('a store that is away', () => {
  const unavailable = { code: 'UNAVAILABLE', cause: expect.anything() }

  async function expectUnavailable(store: ModelStore) {
    await expect(store.read('a/b')).rejects.toMatchObject(unavailable)
    await expect(store.readState('a/c.json')).rejects.toMatchObject(unavailable)
    await expect(store.list('a')).rejects.toMatchObject(unavailable)
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
    const { directory } = await openStore()
    const [mount, nowhere] = [`${directory}-mount`, `${directory}-nowhere`]
    await fs.mkdir(mount)
    const reader = { create: false }

    for (const path of [mount, nowhere]) {
      await expect(openPosixStore(path, reader)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    }

    expect(await fs.readdir(mount)).toEqual([])
    await expect(fs.access(nowhere)).rejects.toMatchObject({ code: 'ENOENT' })
    const store = await openPosixStore(directory, reader)
    expect(await store.read('a/b')).toBeUndefined()
  })

  test.each(['ENOSPC', 'EIO', 'EACCES'])('cannot keep what is written: %s', async (code) => {
    const { directory, store } = await openStore()
    await store.create('a/b', 'x')
    const { link } = nodeFs
    nodeFs.link = async () => {
      nodeFs.link = link
      syncBuiltinESMExports()
      throw Object.assign(new Error('cannot link'), { code })
    }
    syncBuiltinESMExports()

    const created = store.create('a/c', 'x')

    await expect(created).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { code } })
    expect(await fs.readdir(join(directory, 'a'))).toEqual(['b'])
  })

  test('cannot be opened where a file is', async () => {
    const path = join(folder, 'file')
    await fs.writeFile(path, '')

    await expect(openPosixStore(path)).rejects.toMatchObject({ name: 'ModelStoreError' })
  })
})
