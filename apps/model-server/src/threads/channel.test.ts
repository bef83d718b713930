import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { ServingError } from '@drover/serving-api'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Channel, type Handlers, openChannel } from './channel.ts'

type Sums = {
  add: { ask: [number, number]; answer: number }
  take: { ask: Uint8Array; answer: Uint8Array }
}
type Nothing = Record<string, never>

const ports: MessagePort[] = []
afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

/** Both ends of a channel, of which one adds. */
function open(handlers: Partial<Handlers<Sums>> = {}): Channel<Sums> {
  const { port1, port2 } = new MessageChannel()
  ports.push(port1, port2)
  const all: Handlers<Sums> = { add: ([a, b]) => a + b, take: (bytes) => bytes, ...handlers }
  openChannel<Sums, Nothing>(port2, all, (answer) =>
    answer instanceof Uint8Array && answer.buffer instanceof ArrayBuffer ? [answer.buffer] : [],
  )
  return openChannel<Nothing, Sums>(port1, {})
}

describe('a channel', () => {
  test('answers each question by itself', async () => {
    const sums = open()
    expect(await Promise.all([sums.ask('add', [1, 2]), sums.ask('add', [3, 4])])).toEqual([3, 7])
  })

  test('moves bytes both ways uncopied', async () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const answer = await open().ask('take', bytes, { transfer: [bytes.buffer] })
    expect(answer).toEqual(Uint8Array.of(1, 2, 3))
    expect(bytes.byteLength).toBe(0)
  })

  test('throws what the other side throws, with its code', async () => {
    const sums = open({
      add: () => {
        throw new ServingError('UNAVAILABLE', 'not now', { retryAfterS: 3 })
      },
    })
    await expect(sums.ask('add', [1, 2])).rejects.toMatchObject({
      name: 'ServingError',
      code: 'UNAVAILABLE',
      message: 'not now',
      retryAfterS: 3,
    })
  })

  test('gives up on an answer that does not come, and ignores it when it does', async () => {
    const sums = open({ add: async () => await new Promise<number>(() => {}) })
    await expect(sums.ask('add', [1, 2], { msMax: 10 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    })
  })

  test('waits as long as a timer can where it may take longer', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')

    expect(await open().ask('add', [1, 2], { msMax: 2 ** 32 })).toBe(3)

    // Node fires a longer timer after one millisecond.
    expect(timers).toHaveBeenCalledWith(expect.any(Function), 2 ** 31 - 1)
    timers.mockRestore()
  })

  test('fails what waits when the other side ends, and all that comes after', async () => {
    const sums = open({ add: async () => await new Promise<number>(() => {}) })
    const waiting = sums.ask('add', [1, 2])
    ports[1]?.close()
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(sums.ask('add', [1, 2])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
