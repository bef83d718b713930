import { MessageChannel } from 'node:worker_threads'
import { floatTensor, type SignatureDef } from '@drover/serving-api'
import { expect, test } from 'vitest'
import type { Engine, Tensors } from '../servable.ts'
import { toShared } from './clock.ts'
import { Route } from './route.ts'
import type { CallFailure } from './run-queue.ts'
import { RunQueue } from './run-queue.ts'
import { placesOf } from './wire.ts'

const x = { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1] } as const
const signatures: Record<string, SignatureDef> = {
  serving_default: { methodName: '', inputs: { x }, outputs: { x } },
}
const places = placesOf(signatures)

/** An engine that answers when it is let go on, and tells what it was given. */
function startEngine() {
  const started: number[] = []
  const waiting: (() => void)[] = []
  let isClosed = false
  const engine: Engine = {
    name: 'onnx',
    run: async (_, inputs) =>
      await new Promise<Tensors>((resolve) => {
        started.push(Number(inputs.x?.values[0]))
        waiting.push(() => resolve(inputs))
      }),
    close: async () => {
      isClosed = true
    },
  }
  return { engine, started, next: () => waiting.shift()?.(), isClosed: () => isClosed }
}

/** A queue in this thread, and the way to ask it. */
function startQueue({ waitingMax = 256, runsMax = 1 } = {}) {
  const heard: number[] = []
  const queue = new RunQueue({ runsMax, waitingMax, onRun: (model) => heard.push(model) })
  const { port1, port2 } = new MessageChannel()
  port1.on('message', (buffer: ArrayBuffer) => queue.receive(port1, buffer))
  const route = new Route()
  port2.on('message', (message: ArrayBuffer | CallFailure) => route.receive(message))
  route.connect(port2)
  return {
    queue,
    route,
    heard,
    async ask(model: number, value: number, deadline = Infinity) {
      const [signature] = places
      if (signature === undefined) throw new Error('no signature')
      const inputs = { x: floatTensor([value]) }
      const { x: answer } = await route.ask(
        { model, deadline },
        { signature, inputs, outputs: undefined },
      )
      return Number(answer?.values[0])
    },
    [Symbol.dispose]: () => route.close(),
  }
}

/** Resolves when so many calls have started. */
async function until(started: readonly number[], count: number): Promise<void> {
  while (started.length < count) await new Promise((resolve) => setImmediate(resolve))
}

test('models with calls waiting take turns', async () => {
  using made = startQueue()
  const { engine, started, next } = startEngine()
  made.queue.add(1, engine, signatures)
  made.queue.add(2, engine, signatures)

  const answers = Promise.all([
    ...[10, 11, 12].map(async (value) => await made.ask(1, value)),
    made.ask(2, 20),
  ])
  for (let count = 1; count <= 4; count++) {
    await until(started, count)
    next()
  }

  expect(await answers).toEqual([10, 11, 12, 20])
  expect(started).toEqual([10, 11, 20, 12])
})

test('a model with a lane of its own keeps nobody from a turn, until it comes back', async () => {
  using made = startQueue()
  const [slow, quick] = [startEngine(), startEngine()]
  made.queue.add(1, slow.engine, signatures)
  made.queue.add(2, quick.engine, signatures)
  const first = made.ask(1, 10)
  await until(slow.started, 1)
  const waiting = made.ask(2, 20)

  made.queue.setAlone(1, true)
  const own = made.ask(1, 11)
  await until(slow.started, 2)
  expect(quick.started).toEqual([])
  slow.next()
  await until(quick.started, 1)
  quick.next()
  expect(await Promise.all([first, waiting])).toEqual([10, 20])

  made.queue.setAlone(1, false)
  const last = made.ask(1, 12)
  await until(slow.started, 3)
  const behind = made.ask(2, 21)
  slow.next()
  slow.next()
  await until(quick.started, 2)
  quick.next()
  expect(await Promise.all([own, last, behind])).toEqual([11, 12, 21])
})

test.each([
  ['given', [true]],
  ['given twice', [true, true]],
])('in a lane that was %s as much runs at a time as in others', async (_, turns) => {
  using made = startQueue()
  const [slow, quick] = [startEngine(), startEngine()]
  made.queue.add(1, slow.engine, signatures)
  made.queue.add(2, quick.engine, signatures)
  const answers = [10, 11, 12, 13].map(async (value) => await made.ask(1, value))
  await until(slow.started, 1)
  const other = made.ask(2, 20)
  // A call to nobody comes back when all before it have come.
  await expect(made.ask(3, 0)).rejects.toMatchObject({ code: 'UNAVAILABLE' })

  for (const isAlone of turns) made.queue.setAlone(1, isAlone)
  expect(slow.started).toEqual([10, 11])
  slow.next()
  await until(quick.started, 1)
  quick.next()
  await other
  await expect(made.ask(3, 0)).rejects.toMatchObject({ code: 'UNAVAILABLE' })

  expect(slow.started).toEqual([10, 11])
  for (let count = 2; count <= 4; count++) {
    await until(slow.started, count)
    slow.next()
  }
  expect(await Promise.all(answers)).toEqual([10, 11, 12, 13])
})

test('it is told which model runs, and when none does', async () => {
  using made = startQueue()
  const { engine, started, next } = startEngine()
  made.queue.add(7, engine, signatures)
  const answer = made.ask(7, 1)
  await until(started, 1)
  expect(made.heard).toEqual([7])

  next()
  await answer

  expect(made.heard).toEqual([7, 0])
})

test('calls of one model beyond its limit are UNAVAILABLE, those of others are not', async () => {
  using made = startQueue({ waitingMax: 2 })
  const { engine, started, next } = startEngine()
  made.queue.add(1, engine, signatures)
  made.queue.add(2, engine, signatures)

  const answers = Promise.allSettled([
    ...[1, 2, 3, 4].map(async (value) => await made.ask(1, value)),
    made.ask(2, 5),
  ])
  for (let count = 1; count <= 4; count++) {
    await until(started, count)
    next()
  }

  const settled = await answers
  expect(settled.map(({ status }) => status === 'fulfilled')).toEqual([
    true,
    true,
    true,
    false,
    true,
  ])
  expect(settled[3]).toMatchObject({
    reason: { code: 'UNAVAILABLE', message: '2 requests wait for this model already' },
  })
})

test('a call whose time is over before its turn is not run', async () => {
  using made = startQueue()
  const { engine, started, next } = startEngine()
  made.queue.add(1, engine, signatures)
  const first = made.ask(1, 1)
  await until(started, 1)

  const late = made.ask(1, 2, toShared(performance.now() + 20))
  await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' })
  const last = made.ask(1, 3)
  next()
  await until(started, 2)
  next()

  expect(await Promise.all([first, last])).toEqual([1, 3])
  expect(started).toEqual([1, 3])
})

test('a model is closed when its last call has ended, and what waited is refused', async () => {
  using made = startQueue()
  const { engine, started, next, isClosed } = startEngine()
  made.queue.add(1, engine, signatures)
  const running = made.ask(1, 1)
  const waiting = made.ask(1, 2)
  await until(started, 1)

  const removed = made.queue.remove(1)
  await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(isClosed()).toBe(false)
  next()

  expect(await running).toBe(1)
  await removed
  expect(isClosed()).toBe(true)
})

test('a port that closes fails what waits for it', async () => {
  const made = startQueue()
  const { engine, started } = startEngine()
  made.queue.add(1, engine, signatures)
  const waiting = made.ask(1, 1)
  await until(started, 1)

  made.route.close()

  await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
