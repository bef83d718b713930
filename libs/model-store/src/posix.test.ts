import nodeFs, * as fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeContract } from './contract.fixture.ts'
import { openPosixStore } from './posix.ts'
import { OBJECT_BYTES_MAX } from './store.ts'

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

describeContract(async () => ({ ...(await openStore()), reopen: openPosixStore }))

describe('an object', () => {
  test('above the limit for memory is refused when it is written and when it is read', async () => {
    const { directory, store } = await openStore()
    await store.create('a/b', '')
    await fs.truncate(join(directory, 'a/b'), OBJECT_BYTES_MAX + 1)

    await expect(store.read('a/b')).rejects.toMatchObject({ code: 'CORRUPT' })
    const large = new Uint8Array(OBJECT_BYTES_MAX + 1)
    await expect(store.create('a/c', large)).rejects.toMatchObject({ code: 'INVALID' })
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
    expect(await store.listDeep('t')).toEqual(['a/x', 'b', 'c.json'])
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
    await expect(store.listDeep('away')).rejects.toMatchObject(corrupt)
    await expect(store.create('away/new', 'x')).rejects.toMatchObject(corrupt)
    await expect(store.read('a/link')).rejects.toMatchObject(corrupt)
    const move = { from: undefined, first: 1, content: 'x' }
    await expect(store.swap('away/x.json', move)).rejects.toMatchObject(corrupt)

    expect(await fs.readdir(outside)).toEqual(['secret'])
  })
})

describe('a store that is away', () => {
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
