import { Worker } from 'node:worker_threads'
import { expect, test, vi } from 'vitest'
import { LastingThread } from './lasting-thread.ts'
import type { Thread } from './thread.ts'

const SETTLES = { timeout: 30_000, interval: 1 }
const DELAYS_MS = [100, 200]

interface Echo extends Record<string, { ask: object; answer: unknown }> {
  echo: { ask: { value: number }; answer: number }
}

/** Says that it is ready, and answers with what it was asked. */
const ECHO = `
  const { parentPort } = require('node:worker_threads')
  parentPort.on('message', ({ id, body }) => parentPort.postMessage({ kind: 'done', id, result: body.value }))
  parentPort.postMessage({ kind: 'ready' })
`

/** A thread that is needed while this says so, and that the system refuses so often. */
function startLasting(needs: { isNeeded: boolean; failures?: number }, code = ECHO) {
  const workers: Worker[] = []
  const started: { ms: number; thread: Thread<Echo> }[] = []
  const ended: number[] = []
  const lasting = new LastingThread<Echo>({
    start: () => {
      if (needs.failures !== undefined && needs.failures-- > 0) throw new Error('no threads left')
      const worker = new Worker(code, { eval: true, execArgv: [] })
      workers.push(worker)
      return worker
    },
    isNative: false,
    isNeeded: () => needs.isNeeded,
    onStart: (thread) => started.push({ ms: performance.now(), thread }),
    onEnd: () => ended.push(performance.now()),
  })
  return { lasting, workers, started, ended, [Symbol.asyncDispose]: () => lasting.close() }
}

const timeoutMs = 30_000
const ask = async (thread: Thread<Echo>, value: number) =>
  await thread.request<'echo'>({ kind: 'echo', value }, { timeoutMs })

test('whoever asks at once gets the same thread', async () => {
  await using own = startLasting({ isNeeded: false })
  expect(own.lasting.current).toBeUndefined()

  const [one, other] = await Promise.all([own.lasting.running(), own.lasting.running()])

  expect(one).toBe(other)
  expect(own.lasting.current).toBe(one)
  expect(own.started.map(({ thread }) => thread)).toEqual([one])
  expect(await ask(one, 3)).toBe(3)
})

test('one that is needed is started again when it ends, later each time', async () => {
  await using own = startLasting({ isNeeded: true })
  await own.lasting.running()

  for (const [at, delayMs] of DELAYS_MS.entries()) {
    await own.workers[at]?.terminate()
    await vi.waitUntil(() => own.started.length === at + 2, SETTLES)

    expect((own.started[at + 1]?.ms ?? 0) - (own.ended[at] ?? 0)).toBeGreaterThan(delayMs - 2)
    const { thread } = own.started[at + 1] ?? {}
    expect(own.lasting.current).toBe(thread)
    expect(thread && (await ask(thread, at))).toBe(at)
  }
})

test('one that is not needed is started again when somebody asks for it', async () => {
  await using own = startLasting({ isNeeded: false })
  const first = await own.lasting.running()
  await own.workers[0]?.terminate()
  await first.ended
  await vi.waitUntil(() => own.ended.length === 1, SETTLES)
  expect(own.lasting.current).toBeUndefined()
  expect(own.workers).toHaveLength(1)

  const second = await own.lasting.running()

  expect(second).not.toBe(first)
  expect((own.started[1]?.ms ?? 0) - (own.ended[0] ?? 0)).toBeGreaterThan(98)
  expect(await ask(second, 1)).toBe(1)
})

test('one that does not start fails whoever asks it, and is tried again', async () => {
  const needs = { isNeeded: true }
  await using own = startLasting(needs, `throw new Error('no such machine')`)
  const thread = await own.lasting.running()

  await expect(ask(thread, 1)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'the thread does not start',
    cause: { message: 'no such machine' },
  })

  await vi.waitUntil(() => own.started.length === 2, SETTLES)
  needs.isNeeded = false
})

test.each([true, false])(
  'where the system has no room for it, it is tried again: needed %s',
  async (isNeeded) => {
    await using own = startLasting({ isNeeded, failures: 2 })

    for (let count = 0; count < 2; count++)
      await expect(own.lasting.running()).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        cause: { message: 'no threads left' },
      })

    expect(await ask(await own.lasting.running(), 1)).toBe(1)
    expect((own.started[0]?.ms ?? 0) - (own.ended[0] ?? 0)).toBeGreaterThan(298)
  },
)

test('one that is closed is not started again, also if it was about to be', async () => {
  const own = startLasting({ isNeeded: true })
  const thread = await own.lasting.running()
  await own.workers[0]?.terminate()
  await vi.waitUntil(() => own.ended.length === 1, SETTLES)
  const waiting = own.lasting.running()

  await own.lasting.close()

  const closed = { code: 'UNAVAILABLE', message: 'the engines are closed' }
  await expect(waiting).rejects.toMatchObject(closed)
  expect(thread.hasEnded).toBe(true)
  expect(own.workers).toHaveLength(1)
})

test('to close it ends it, and nobody is told that it has to be looked after', async () => {
  const own = startLasting({ isNeeded: true })
  const thread = await own.lasting.running()
  const asked = Promise.allSettled([ask(thread, 1)])

  await own.lasting.close()

  expect(thread.hasEnded).toBe(true)
  expect(own.ended).toEqual([])
  await asked
  await expect(own.lasting.running()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(own.workers).toHaveLength(1)
})
