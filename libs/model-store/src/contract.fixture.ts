// What every store promises, as tests: run against a directory and against S3.

import { utimes, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeAbsence, describeFiles, type Open, text } from './contract-files.fixture.ts'
import { type ModelStore, OBJECT_BYTES_MAX } from './store.ts'

const MANY = 1_100
const ROUNDS = 12
const KEY = 'a/c.json'

const move = async (store: ModelStore, from: number | undefined, content = 'x') =>
  await store.swap(KEY, { from, first: 0, content })

/** All promises of a store, for whoever can open one. */
export function describeContract(openStore: Open): void {
  describe('an object', () => {
    describeObjects(openStore)
  })
  describe('a state', () => {
    describeStates(openStore)
  })
  describeListing(openStore)
  describeKeys(openStore)
  describeFiles(openStore)
  describe('a store that is away', () => {
    describeAbsence(openStore)
  })
}

function describeObjects(openStore: Open): void {
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

  test('above the limit for memory is refused', async () => {
    const { store } = await openStore()

    const large = new Uint8Array(OBJECT_BYTES_MAX + 1)
    await expect(store.create('a/c', large)).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('that is renewed gets a new age, or is created', async () => {
    const { directory, store } = await openStore()
    await store.renew('a/b', 'same')
    await utimes(join(directory, 'a/b'), 1, 1)

    await store.renew('a/b', 'same')

    expect((await stat(join(directory, 'a/b'))).mtimeMs).toBeGreaterThan(1_000_000)
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
}

function describeStates(openStore: Open): void {
  test('a state is won only from the highest one', async () => {
    const { store } = await openStore()

    expect(await move(store, 0)).toBe(false)
    expect(await move(store, undefined, 'zero')).toBe(true)
    expect(await move(store, undefined, 'again')).toBe(false)
    expect(await move(store, 0, 'one')).toBe(true)
    expect(await move(store, 0, 'other one')).toBe(false)
    expect(await move(store, 5, 'six')).toBe(false)

    const state = await store.readState(KEY)
    expect(state?.seq).toBe(1)
    expect(Buffer.from(state?.content ?? []).toString()).toBe('one')
  })

  test('two first states of different numbers have one winner', async () => {
    const { store } = await openStore()

    const wins = await Promise.all(
      [0, 1, 7].map(
        async (first) => await store.swap(KEY, { from: undefined, first, content: `${first}` }),
      ),
    )

    expect(wins.filter(Boolean)).toHaveLength(1)
    expect((await store.readState(KEY))?.seq).toBe([0, 1, 7][wins.indexOf(true)])
  })

  test('states of equal contents are different ones: an old number never comes back', async () => {
    const { store } = await openStore()
    for (const from of [undefined, 0, 1]) expect(await move(store, from, 'same')).toBe(true)

    for (const from of [undefined, 0, 1]) expect(await move(store, from, 'same')).toBe(false)
    expect(await store.readState(KEY)).toMatchObject({ seq: 2 })
  })

  test('of many writers one wins each object and each state', async () => {
    const { directory, store, reopen } = await openStore()
    const stores = [store, await reopen(directory), await reopen(directory)]
    const writers = stores.flatMap((each) => [each, each, each])

    for (let round = 0; round < ROUNDS; round++) {
      const from = round === 0 ? undefined : round - 1
      const [claims, moves] = await Promise.all([
        Promise.all(writers.map(async (each) => await each.create(`claims/${round}`, 'same'))),
        Promise.all(writers.map(async (each) => await move(each, from, 'same'))),
      ])

      expect(claims.filter(Boolean), `claim ${round}`).toHaveLength(1)
      expect(moves.filter(Boolean), `state ${round}`).toHaveLength(1)
      expect(await store.readState(KEY)).toMatchObject({ seq: round })
    }
  })
}

function describeListing(openStore: Open): void {
  describe('a listing', () => {
    test('shows names in order, and states as their object', async () => {
      const { store } = await openStore()
      await store.create('t/b', '1')
      await store.create('t/a/x', '1')
      await store.swap('t/c.json', { from: undefined, first: 1, content: '1' })

      expect(await store.list('t')).toEqual(['a', 'b', 'c.json'])
      expect(await store.list('')).toEqual(['t'])
      expect(await store.listDeep('t')).toEqual(['a/x', 'b', 'c.json'])
      expect(await store.listDeep('t/a')).toEqual(['x'])
      expect(await store.listDeep('no')).toEqual([])
    })

    test('of all objects below has those of one folder, and not of one whose name begins alike', async () => {
      const { store } = await openStore()
      await store.create('t/a/x/1', '')
      await store.create('t/ab/x', '')

      expect(await store.listDeep('t/a')).toEqual(['x/1'])
      await expect(store.listDeep('')).rejects.toMatchObject({ code: 'INVALID' })
    })

    test('of more names than a page has is whole', async () => {
      const { store } = await openStore()
      const names = Array.from({ length: MANY }, (_, index) => `n${index}`).toSorted()
      await Promise.all(names.map(async (name) => await store.create(`many/${name}`, '')))

      expect(await store.list('many')).toEqual(names)
      expect(await store.listDeep('many')).toEqual(names)
    })
  })
}

function describeKeys(openStore: Open): void {
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
      const { store } = await openStore()
      const refusal = { code: 'INVALID', message: expect.stringContaining(why) }

      await expect(store.create(key, 'x')).rejects.toMatchObject(refusal)
      await expect(store.read(key)).rejects.toMatchObject(refusal)
      await expect(store.fetchFile(key, 'x', { sizeBytes: 0, sha256: '' })).rejects.toMatchObject(
        refusal,
      )

      expect(await store.list('')).toEqual([])
    })

    test('that ends otherwise than .json has no states', async () => {
      const { store } = await openStore()

      const first = { from: undefined, first: 1, content: 'x' }
      await expect(store.swap('a/b', first)).rejects.toMatchObject({ code: 'INVALID' })
    })
  })
}
