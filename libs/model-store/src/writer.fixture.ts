// A writer in a process of its own, for tests: races others, or is killed at each of its own steps.

import { AsyncLocalStorage } from 'node:async_hooks'
import { writeSync } from 'node:fs'
import nodeFs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { z } from 'zod'
import { openStore } from './open.ts'
import { openPosixStore } from './posix.ts'
import type { ModelStore } from './store.ts'

const Task = z.discriminatedUnion('do', [
  z.object({ do: z.literal('race'), directory: z.string(), me: z.string(), rounds: z.int() }),
  z.object({
    do: z.literal('crash'),
    directory: z.string(),
    source: z.string(),
    operation: z.enum(['create', 'first', 'next', 'createFile', 'renew']),
    /** How many stores, in folders 0, 1, ...: in the n-th, it stops before its n-th step. */
    steps: z.int(),
  }),
])
type Race = Extract<z.output<typeof Task>, { do: 'race' }>
type Crash = Extract<z.output<typeof Task>, { do: 'crash' }>

/** Creates what everybody tries to create, and counts up what everybody counts up. */
async function race(store: ModelStore, { me, rounds }: Race) {
  const created: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (await store.create(`race/${round}/CLAIM.json`, me)) created.push(round)
  }
  const swapped: number[] = []
  while (swapped.length < rounds) {
    const from = (await store.readState('race/channel.json'))?.seq
    if (await store.swap('race/channel.json', { from, first: 0, content: me })) {
      swapped.push(from === undefined ? 0 : from + 1)
    }
  }
  return { created, swapped }
}

const operations: Record<Crash['operation'], (store: ModelStore, task: Crash) => Promise<unknown>> =
  {
    create: async (store) => await store.create('a/b/c.json', 'whole'),
    renew: async (store) => await store.renew('a/b/c.json', 'whole'),
    first: async (store) =>
      await store.swap('a/b/c.json', { from: undefined, first: 1, content: 'whole' }),
    next: async (store) => await store.swap('a/b/c.json', { from: 1, first: 1, content: 'whole' }),
    createFile: async (store, { source }) => await store.createFile('a/b/c.json', source),
  }

/** How many calls to the file system a writer has left before it stops for ever. */
const left = new AsyncLocalStorage<{ calls: number; stop: () => void }>()

/** A call that nothing comes after, as when the process is killed there. */
async function never(): Promise<never> {
  return await new Promise(() => {})
}

function patch(target: object, names: string[]): void {
  for (const name of names) {
    const original: unknown = Reflect.get(target, name)
    if (typeof original !== 'function') throw new TypeError(`there is no ${name}`)
    Reflect.set(target, name, function (this: unknown, ...args: unknown[]): unknown {
      const writer = left.getStore()
      if (writer === undefined || writer.calls-- > 0) return Reflect.apply(original, this, args)
      writer.stop()
      return never()
    })
  }
}

async function patchFiles(file: string): Promise<void> {
  const handle = await nodeFs.open(file)
  await handle.close()
  const calls = ['mkdir', 'open', 'link', 'unlink', 'rename', 'rm', 'utimes', 'realpath', 'lstat']
  patch(nodeFs, calls)
  const prototype: unknown = Object.getPrototypeOf(handle)
  if (typeof prototype === 'object' && prototype !== null) {
    patch(prototype, ['writeFile', 'write', 'sync'])
  }
  syncBuiltinESMExports()
}

/** Whether the operation ended, or stopped before its n-th step. */
async function endsWithin(calls: number, task: Crash): Promise<boolean> {
  const store = await openPosixStore(join(task.directory, String(calls)))
  if (task.operation === 'next') {
    await store.swap('a/b/c.json', { from: undefined, first: 1, content: 'old' })
  }
  return await new Promise<boolean>((resolve, reject) => {
    left.run({ calls, stop: () => resolve(false) }, () => {
      operations[task.operation](store, task).then(() => resolve(true), reject)
    })
  })
}

const task = Task.parse(JSON.parse(process.argv[2] ?? ''))
if (task.do === 'race') {
  await using store = await openStore(task.directory)
  process.stdout.write(JSON.stringify(await race(store, task)))
} else {
  await patchFiles(task.source)
  const ended: boolean[] = []
  for (let step = 0; step < task.steps; step++) ended.push(await endsWithin(step, task))
  writeSync(1, JSON.stringify(ended))
  // Whatever stopped on its way ends here, with no chance to tidy up.
  process.kill(process.pid, 'SIGKILL')
}
