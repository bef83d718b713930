// Both ends of a line, and the threads behind it, in one thread.

import { randomUUID } from 'node:crypto'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { floatTensor, type SignatureDef } from '@drover/serving-api'
import { expect, test, vi } from 'vitest'
import type { Engine } from '../servable.ts'
import { type Connect, Exchange } from './exchange.ts'
import { CONTROL, lineTo } from './line.ts'
import type { Route } from './route.ts'
import { RunQueue } from './run-queue.ts'
import { placesOf } from './wire.ts'

const x = { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1] } as const
const signatures: Record<string, SignatureDef> = {
  serving_default: { methodName: '', inputs: { x }, outputs: { x } },
}
const [signature] = placesOf(signatures)
const MODEL = 1
const SETTLES = { timeout: 10_000, interval: 1 }

const echo: Engine = {
  name: 'onnx',
  run: async (_, inputs) => await Promise.resolve(inputs),
  close: async () => {},
}

async function ask(route: Route, value: number): Promise<number | undefined> {
  if (signature === undefined) throw new Error('no signature')
  const inputs = { x: floatTensor([value]) }
  const call = { signature, inputs, outputs: undefined }
  const answers = await route.ask({ model: MODEL, deadline: Infinity }, call)
  return Number(answers.x?.values[0])
}

function queueOf(engine: Engine): RunQueue {
  const queue = new RunQueue({ runsMax: 1, waitingMax: 10 })
  queue.add(MODEL, engine, signatures)
  return queue
}

/** An exchange whose threads are as this says of each. */
function startExchange(states: Record<number, ReturnType<Connect>> = {}) {
  const threads = queueOf(echo)
  const asked: number[] = []
  const ports: MessagePort[] = []
  const exchange = new Exchange(queueOf(echo), (thread, port) => {
    asked.push(thread)
    const state = states[thread] ?? 'never'
    if (state === 'now') {
      port.on('message', (buffer: ArrayBuffer) => threads.receive(port, buffer))
      ports.push(port)
    }
    return state
  })
  const engines = randomUUID()
  return { exchange, states, asked, ports, engines, open: () => lineTo(engines, exchange.open()) }
}

const closing = (port: MessagePort): Promise<string> =>
  new Promise((resolve) => port.once('close', () => resolve('closed')))

const UNAVAILABLE = { code: 'UNAVAILABLE' }
const ENDED = { ...UNAVAILABLE, message: 'the engines have ended' }
const CLOSED = { ...UNAVAILABLE, message: 'the model is closed' }

test('a line reaches TensorFlow, and a thread that runs, which is asked for once', async () => {
  const { open, asked } = startExchange({ 7: 'now' })
  const line = open()
  line.take()

  const answers = [CONTROL, 7, 7].map(async (to, at) => await ask(line.routeTo(to), at))

  expect(await Promise.all(answers)).toEqual([0, 1, 2])
  expect(asked).toEqual([7])
  line.leave()
})

test('models of the same engines have one line, and what else came for it is closed', async () => {
  const { exchange, open, engines } = startExchange()
  const line = open()
  line.take()
  const further = exchange.open()
  const closed = closing(further)

  expect(lineTo(engines, further)).toBe(line)
  expect(await closed).toBe('closed')
  expect(await ask(line.routeTo(CONTROL), 1)).toBe(1)
  const others = startExchange()
  expect(others.open()).not.toBe(line)
  line.leave()
})

test('a thread that starts later gets what has waited for it, also when it starts again', async () => {
  const { exchange, open, states, ports } = startExchange({ 7: 'later', 8: 'later' })
  const line = open()
  line.take()
  const [route, other] = [line.routeTo(7), line.routeTo(8)]
  const waiting = [ask(route, 1), ask(other, 2)]
  // The line keeps to its order: what was asked before this has come.
  await ask(line.routeTo(CONTROL), 0)

  states[7] = 'now'
  exchange.started(7)

  expect(await waiting[0]).toBe(1)
  ports[0]?.close()
  await expect(async () => {
    while (true) await ask(route, 2)
  }).rejects.toMatchObject(UNAVAILABLE)
  exchange.started(7)
  const again = async (): Promise<number | undefined> =>
    await ask(route, 3).catch(async () => {
      await ask(line.routeTo(CONTROL), 0)
      return await again()
    })
  expect(await again()).toBe(3)
  line.leave()
  await expect(waiting[1]).rejects.toMatchObject(CLOSED)
})

test('a thread that nobody asked for is offered to nobody', async () => {
  const { exchange, open, asked } = startExchange({ 7: 'now' })
  const line = open()
  line.take()
  await ask(line.routeTo(CONTROL), 0)

  exchange.started(7)
  exchange.left(7)

  expect(await ask(line.routeTo(CONTROL), 1)).toBe(1)
  expect(asked).toEqual([])
  line.leave()
})

test.each([
  ['never', expect.objectContaining(CLOSED)],
  ['now', 2],
] as const)(
  'what waits for a thread that has left is refused, and it is asked for anew: %s',
  async (state, expected) => {
    const { exchange, open, states, asked } = startExchange({ 7: 'later' })
    const line = open()
    line.take()
    const waiting = ask(line.routeTo(7), 1)
    await ask(line.routeTo(CONTROL), 0)

    exchange.left(7)

    await expect(waiting).rejects.toMatchObject(CLOSED)
    states[7] = state
    const [next] = await Promise.allSettled([ask(line.routeTo(7), 2)])
    expect(next.status === 'fulfilled' ? next.value : next.reason).toEqual(expected)
    expect(asked).toEqual([7, 7])
    line.leave()
  },
)

test('a thread that left is not offered any more, though one of its number starts', async () => {
  const { exchange, open, states, asked } = startExchange({ 7: 'never' })
  const line = open()
  line.take()
  await expect(ask(line.routeTo(7), 1)).rejects.toMatchObject(CLOSED)

  states[7] = 'now'
  exchange.started(7)

  expect(asked).toEqual([7])
  line.leave()
})

test('a port to a thread that has left by then is closed', async () => {
  const { port1, port2 } = new MessageChannel()
  const line = lineTo(randomUUID(), port2)
  line.take()
  const { port1: offered, port2: far } = new MessageChannel()
  const closed = closing(far)

  port1.postMessage({ connected: 7, port: offered }, [offered])

  expect(await closed).toBe('closed')
  line.leave()
})

test('a line that is closed is offered nothing any more', async () => {
  const { exchange, open, asked } = startExchange({ 7: 'later' })
  const line = open()
  line.take()
  const waiting = ask(line.routeTo(7), 1)
  await ask(line.routeTo(CONTROL), 0)

  line.leave()
  await expect(waiting).rejects.toMatchObject(CLOSED)

  // Its other end hears of it a little later.
  await vi.waitUntil(() => {
    const before = asked.length
    exchange.started(7)
    return asked.length === before
  }, SETTLES)
})

const portsAlive = (): number =>
  process.getActiveResourcesInfo().filter((each) => each === 'MessagePort').length

test('the end of a line for other threads does not keep this one alive', () => {
  const before = portsAlive()

  const port = startExchange().exchange.open()

  expect(portsAlive()).toBe(before)
  port.close()
})

test('the last model that leaves closes a line, and the next one gets another', async () => {
  const { open, states, ports } = startExchange({ 7: 'now', 8: 'later' })
  const line = open()
  line.take()
  line.take()
  const [control, thread, held] = [line.routeTo(CONTROL), line.routeTo(7), line.routeTo(8)]
  const waiting = ask(held, 0)
  line.leave()
  expect([await ask(control, 1), await ask(thread, 2)]).toEqual([1, 2])
  const [port] = ports
  const closed = port && closing(port)

  line.leave()

  await expect(waiting).rejects.toMatchObject(CLOSED)
  for (const route of [control, thread, held])
    await expect(ask(route, 3)).rejects.toMatchObject(UNAVAILABLE)
  expect(await closed).toBe('closed')
  expect(states[8]).toBe('later')
  const next = open()
  expect(next).not.toBe(line)
  next.take()
  expect([await ask(next.routeTo(CONTROL), 4), await ask(next.routeTo(7), 5)]).toEqual([4, 5])
  // The end of the one before has come by now.
  expect(open()).toBe(next)
  next.leave()
})

test('what waits on any line is refused when the engines end, and so is what comes later', async () => {
  const { exchange, open } = startExchange({ 7: 'later' })
  const line = open()
  line.take()
  const [control, thread] = [line.routeTo(CONTROL), line.routeTo(7)]
  const waiting = ask(thread, 1)
  await ask(control, 0)

  exchange.close()

  await expect(waiting).rejects.toMatchObject(ENDED)
  for (const route of [control, thread])
    await expect(ask(route, 2)).rejects.toMatchObject(UNAVAILABLE)
  const late = open()
  expect(late).not.toBe(line)
  await expect(ask(late.routeTo(CONTROL), 3)).rejects.toMatchObject(UNAVAILABLE)
})
