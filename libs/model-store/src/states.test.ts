import nodeFs, * as fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPosixStore } from './posix.ts'
import type { ModelStore } from './store.ts'

const KEY = 'a/c.json'
const STATES_KEPT = 100

let folder: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'drover-states-'))
})

afterAll(async () => await fs.rm(folder, { recursive: true }))

const move = async (store: ModelStore, from: number | undefined, content = 'x') =>
  await store.swap(KEY, { from, first: 0, content })

/** Moves the object up to a state and makes all states look two hours old. */
async function moveTo(directory: string, store: ModelStore, seq: number): Promise<void> {
  let from = (await store.readState(KEY))?.seq
  while (from !== seq) {
    expect(await move(store, from)).toBe(true)
    from = from === undefined ? 0 : from + 1
  }
  const past = Date.now() / 1_000 - 7_200
  const states = join(directory, `${KEY}.d`)
  for (const name of await fs.readdir(states)) await fs.utimes(join(states, name), past, past)
}

const statesIn = async (directory: string) =>
  (await fs.readdir(join(directory, `${KEY}.d`))).map(Number).toSorted((a, b) => a - b)

test('old states are cleaned from the lowest up, and a hundred stay', async () => {
  const directory = join(folder, 'old')
  await using store = await openPosixStore(directory)
  await moveTo(directory, store, STATES_KEPT + 20)

  await move(store, STATES_KEPT + 20)

  const states = await statesIn(directory)
  expect(states).toHaveLength(STATES_KEPT)
  expect(states[0]).toBe(22)
  expect((await store.readState(KEY))?.seq).toBe(STATES_KEPT + 21)
})

test('states of the last hour stay, however many there are', async () => {
  const directory = join(folder, 'young')
  await using store = await openPosixStore(directory)
  for (let seq = 0; seq < STATES_KEPT + 20; seq++)
    await move(store, seq === 0 ? undefined : seq - 1)

  expect(await statesIn(directory)).toHaveLength(STATES_KEPT + 20)
})

test('a writer that slept until its number was cleaned away has lost', async () => {
  const directory = join(folder, 'slept')
  await using store = await openPosixStore(directory)
  await moveTo(directory, store, 3)
  const { link } = nodeFs
  // It falls asleep just before its link(); the others move on, and the old states are cleaned.
  nodeFs.link = async (...args) => {
    nodeFs.link = link
    syncBuiltinESMExports()
    await moveTo(directory, store, 3 + STATES_KEPT + 5)
    await move(store, 3 + STATES_KEPT + 5)
    await link(...args)
  }
  syncBuiltinESMExports()

  const won = await move(store, 3, 'from the past')

  expect(won).toBe(false)
  expect((await store.readState(KEY))?.seq).toBe(3 + STATES_KEPT + 6)
  expect((await statesIn(directory))[0]).toBeGreaterThan(4)
})
