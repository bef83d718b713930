import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { floatTensor, type SignatureDef } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { InferenceError } from '../errors.ts'
import { failureOf } from '../failure.ts'
import { toShared } from './clock.ts'
import { Route } from './route.ts'
import type { CallFailure } from './run-queue.ts'
import { placesOf, readCall, readCallHead, writeAnswer } from './wire.ts'

const x = { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1] } as const
const signatures: Record<string, SignatureDef> = {
  serving_default: { methodName: '', inputs: { x }, outputs: { x } },
}
const places = placesOf(signatures)
const [signature] = places
const WAITING_MAX = 10_000
/** More than a timer takes. */
const MONTHS_MS = 2 ** 40

/** A call of a route; the deadline is so far from now. */
async function ask(route: Route, value: number, leftMs = Infinity): Promise<number | undefined> {
  if (signature === undefined) throw new Error('no signature')
  const deadline = toShared(performance.now() + leftMs)
  const inputs = { x: floatTensor([value]) }
  const answers = await route.ask({ model: 1, deadline }, { signature, inputs, outputs: undefined })
  return Number(answers.x?.values[0])
}

/** Connects a route, and answers when it is told to. */
function connect(route: Route) {
  const { port1: near, port2: far } = new MessageChannel()
  near.on('message', (message: ArrayBuffer | CallFailure) => route.receive(message))
  const calls: { id: number; value: number }[] = []
  const heard: (() => void)[] = []
  far.on('message', (buffer: ArrayBuffer) => {
    const head = readCallHead(buffer)
    calls.push({ id: head.id, value: Number(readCall(head, places).inputs.x?.values[0]) })
    for (const tell of heard.splice(0)) tell()
  })
  const closed = new Promise<string>((resolve) => far.once('close', () => resolve('closed')))
  route.connect(near)
  return {
    near,
    far,
    closed,
    values: () => calls.map(({ value }) => value),
    until: async (count: number) => {
      while (calls.length < count) await new Promise<void>((resolve) => heard.push(resolve))
    },
    /** Answers one call with twice what it was asked with. */
    answer: (at: number) => {
      const { id = 0, value = 0 } = calls[at] ?? {}
      if (signature === undefined) throw new Error('no signature')
      far.postMessage(writeAnswer(id, signature, { x: floatTensor([value * 2]) }), [])
    },
    fail: (at: number, error: InferenceError) => {
      far.postMessage({ id: calls[at]?.id ?? 0, failure: failureOf(error) }, [])
    },
  }
}

/** Whether a port keeps this process alive. */
const keepsAlive = (port: MessagePort & { hasRef?: () => boolean }): boolean | undefined =>
  port.hasRef?.()

const isLost = (port: MessagePort): Promise<void> =>
  new Promise((resolve) => port.once('close', resolve))

test('what is asked before there is a connection goes over the first one, once and in order', async () => {
  const route = new Route()
  const answers = [ask(route, 1), ask(route, 2)]
  const first = connect(route)
  await first.until(2)

  first.answer(1)
  first.answer(0)

  expect(await Promise.all(answers)).toEqual([2, 4])
  const second = connect(route)
  const last = ask(route, 3)
  await second.until(1)
  expect([first.values(), second.values()]).toEqual([[1, 2], [3]])
  route.close()
  await expect(last).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'the model is closed' })
})

test('a failure is told to whoever asked, and to nobody else', async () => {
  const route = new Route()
  const { until, fail, answer } = connect(route)
  const asked = Promise.allSettled([ask(route, 1), ask(route, 2)])
  await until(2)

  fail(0, new InferenceError('RUN_FAILED', 'it is odd'))
  answer(1)

  expect(await asked).toMatchObject([
    { reason: { code: 'RUN_FAILED', message: 'it is odd' } },
    { value: 4 },
  ])
  route.close()
})

test('a connection in place of another fails what waited there, and closes it', async () => {
  const route = new Route()
  const first = connect(route)
  const waiting = ask(route, 1)

  const second = connect(route)

  await expect(waiting).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'the thread that runs the model ended',
  })
  const next = ask(route, 2)
  expect(await first.closed).toBe('closed')
  await second.until(1)
  second.answer(0)
  expect(await next).toBe(4)
  route.close()
})

test('while a connection is lost nothing waits for it, and the next one takes calls', async () => {
  const route = new Route()
  const first = connect(route)
  const waiting = ask(route, 1)
  await first.until(1)

  const lost = isLost(first.near)
  first.far.close()

  await expect(waiting).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'the thread that runs the model ended',
  })
  await lost
  await expect(ask(route, 2)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'the thread that runs the model is starting again',
  })
  const second = connect(route)
  const next = ask(route, 3)
  await second.until(1)
  second.answer(0)
  expect(await next).toBe(6)
  route.close()
})

test('what waits for a first connection that never comes is failed, and not asked later', async () => {
  const route = new Route()
  const waiting = ask(route, 1)

  route.lose('the engines have ended')

  await expect(waiting).rejects.toMatchObject({ message: 'the engines have ended' })
  const { until, values } = connect(route)
  const next = ask(route, 2)
  await until(1)
  expect(values()).toEqual([2])
  route.close()
  await expect(next).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('its port keeps a process alive while a call waits, and no longer', async () => {
  const route = new Route()
  const { near, until, answer } = connect(route)
  expect(keepsAlive(near)).toBe(false)

  const asked = [ask(route, 1)]
  expect(keepsAlive(near)).toBe(true)
  asked.push(ask(route, 2))
  await until(2)
  answer(0)
  await asked[0]
  expect(keepsAlive(near)).toBe(true)
  answer(1)
  await asked[1]

  expect(keepsAlive(near)).toBe(false)
  route.close()
})

test('a port that calls wait for already keeps the process alive from the first', async () => {
  const route = new Route()
  const waiting = ask(route, 1)

  const { near, until, answer } = connect(route)

  expect(keepsAlive(near)).toBe(true)
  await until(1)
  answer(0)
  await waiting
  expect(keepsAlive(near)).toBe(false)
  route.close()
})

test('no more calls wait than may', async () => {
  const route = new Route()
  for (let count = 0; count < WAITING_MAX; count++) void ask(route, 1)

  await expect(ask(route, 2)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: '10000 requests wait for the thread already',
  })
})

test('calls fail at their deadlines, others do not, and answers that are late are no trouble', async () => {
  const route = new Route()
  const { until, answer } = connect(route)
  const late = Promise.allSettled(
    [60, 30, 1, -1].map(async (leftMs, at) => await ask(route, at, leftMs)),
  )
  const endless = [ask(route, 5), ask(route, 6, MONTHS_MS)]
  await until(6)

  for (const each of await late) expect(each).toMatchObject({ reason: { code: 'TIMEOUT' } })

  for (let at = 0; at < 6; at++) answer(at)
  expect(await Promise.all(endless)).toEqual([10, 12])
  await expect(ask(route, 7, 1)).rejects.toMatchObject({ code: 'TIMEOUT' })
  route.close()
})

test('a deadline counts also where an earlier one went with the connection before', async () => {
  const route = new Route()
  connect(route)
  const gone = ask(route, 1, 5)
  connect(route)
  await expect(gone).rejects.toMatchObject({ code: 'UNAVAILABLE' })

  const late = ask(route, 2, 10)

  await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' })
  route.close()
})

test('a deadline that is months away is no deadline of now', async () => {
  const warned: string[] = []
  const warn = ({ name }: Error) => warned.push(name)
  process.on('warning', warn)
  const route = new Route()
  const { until, answer } = connect(route)

  const asked = ask(route, 1, MONTHS_MS)

  await until(1)
  answer(0)
  expect(await asked).toBe(2)
  process.off('warning', warn)
  expect(warned).toEqual([])
  route.close()
})
