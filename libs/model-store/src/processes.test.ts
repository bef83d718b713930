import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { openPosixStore } from './posix.ts'
import { race, numbers, run, WRITER } from './race.fixture.ts'
import type { ModelStore } from './store.ts'

const WAIT_MS_MAX = 30_000
/** Waits for a state, also on a busy machine. */
const until = async (isSo: () => unknown): Promise<void> => {
  await vi.waitUntil(isSo, { timeout: WAIT_MS_MAX, interval: 10 })
}

const STEPS_MAX = 40
const TWO_HOURS_S = 7_200
const Killed = z.object({ signal: z.literal('SIGKILL'), stdout: z.string() })

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-store-'))
  await writeFile(join(folder, 'source'), 'whole')
})

afterAll(async () => await rm(folder, { recursive: true }))

test('of many processes exactly one wins each object and each state', async () => {
  const [writers, rounds] = [6, 25]
  const directory = join(folder, 'race')

  const won = await race(directory, { writers, rounds })

  expect(won).toEqual({ created: numbers(rounds), swapped: numbers(writers * rounds) })
  expect((await readdir(join(directory, 'race/channel.json.d'))).length).toBe(writers * rounds)
})

type Operation = 'create' | 'first' | 'next' | 'createFile' | 'renew'

/** What the store may hold after a crash, and what it holds once the operation is done again. */
const cases: { operation: Operation; before: string | undefined; steps: number }[] = [
  { operation: 'create', before: undefined, steps: 10 },
  { operation: 'renew', before: undefined, steps: 10 },
  { operation: 'first', before: undefined, steps: 10 },
  { operation: 'next', before: 'old', steps: 8 },
  { operation: 'createFile', before: undefined, steps: 10 },
]

const KEY = 'a/b/c.json'
const isState = (operation: Operation) => operation === 'first' || operation === 'next'

/** Runs it in a process that is killed; says for each step whether it was past its end. */
async function crash(operation: Operation, directory: string): Promise<boolean[]> {
  const source = join(folder, 'source')
  const task = { do: 'crash', directory, source, operation, steps: STEPS_MAX }
  const killed: unknown = await run(process.execPath, [WRITER, JSON.stringify(task)]).catch(
    (error: unknown) => error,
  )
  return z.array(z.boolean()).parse(JSON.parse(Killed.parse(killed).stdout))
}

async function contentOf(store: ModelStore, operation: Operation): Promise<string | undefined> {
  const content = isState(operation) ? (await store.readState(KEY))?.content : await store.read(KEY)
  return content === undefined ? undefined : Buffer.from(content).toString()
}

/** The same operation by another writer, which observes first; whether it won. */
async function again(store: ModelStore, operation: Operation): Promise<boolean> {
  if (operation === 'createFile') {
    return (await store.createFile(KEY, join(folder, 'source'))).created
  }
  if (!isState(operation)) return await store.create(KEY, 'whole')
  const from = (await store.readState(KEY))?.seq
  return await store.swap(KEY, { from, first: 1, content: 'whole' })
}

describe.each(cases)('killed at any step of $operation', ({ operation, before, steps }) => {
  test('a writer leaves the object absent or whole, and the next one does not notice', async () => {
    const directory = join(folder, operation)

    const ended = await crash(operation, directory)

    // The cases reach from before the first step to after the last one.
    expect(ended.at(-1)).toBe(true)
    expect(ended.indexOf(true), 'steps').toBeGreaterThan(steps)
    for (const step of numbers(ended.indexOf(true) + 1)) {
      await using store = await openPosixStore(join(directory, String(step)))
      const found = await contentOf(store, operation)
      expect([before, 'whole'], `step ${step}`).toContain(found)
      expect(await store.list('')).toEqual(found === undefined ? [] : ['a'])
      expect(found === 'whole' || (await again(store, operation)), `step ${step}`).toBe(true)
      expect(await contentOf(store, operation), `step ${step}`).toBe('whole')
    }
  })
})

test('what a dead writer left unfinished is swept after an hour', async () => {
  const directory = join(folder, 'swept')
  await using first = await openPosixStore(directory)
  await first.create('a/b.json', 'whole')
  await first[Symbol.asyncDispose]()
  const left = [join(directory, 'a', '.tmp-1-old'), join(directory, '.tmp-2-new')]
  for (const path of left) await writeFile(path, 'half')
  const past = Date.now() / 1_000 - TWO_HOURS_S
  await utimes(left[0] ?? '', past, past)
  await utimes(join(directory, '.store'), past, past)

  const second = await openPosixStore(directory)
  await until(async () => (await readdir(join(directory, 'a'))).length === 1)
  await second[Symbol.asyncDispose]()

  expect(await readdir(join(directory, 'a'))).toEqual(['b.json'])
  expect(await readdir(directory)).toContain('.tmp-2-new')
})
