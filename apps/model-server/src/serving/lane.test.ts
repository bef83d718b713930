import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { ServingError } from '@drover/serving-api'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { FakeCore, plainCore } from '../rest/port.fixture.ts'
import { Admission } from './admission.ts'
import type { Found, Lane } from './core.ts'
import { laneOf } from './lane.ts'
import { type LaneOptions, serveLane } from './lane-side.ts'

const SETTINGS: LaneOptions['settings'] = {
  grpc: { checksMethodNames: false, grpc: { writesTensorContent: false } },
}
const NEVER = 3_600_000
const LONG = 20_000
/** Of the event loop: enough for many requests to be answered. */
const TURNS = 100

const ports: MessagePort[] = []
afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

/** A lane in this thread. */
function open({ core = new FakeCore(), bodiesBytesMax = 2 ** 20, textsMax = 100 } = {}) {
  let lines = 0
  const lane = laneOf(
    async () => {
      lines++
      const { port1, port2 } = new MessageChannel()
      ports.push(port1, port2)
      serveLane(port2, {
        core: plainCore(core),
        admission: new Admission(textsMax),
        settings: SETTINGS,
      })
      return await Promise.resolve(port1)
    },
    { bodiesBytesMax },
  )
  return { core, lane, lines: () => lines }
}

type Rest = Parameters<Lane['rest']>[0]
const post = (body: string, more: Partial<Rest> = {}): Rest => ({
  method: 'predict',
  model: { name: 'h2' },
  body: Buffer.from(body),
  deadlineMs: performance.now() + NEVER,
  ...more,
})
const SMALL = '{"instances":[1.0]}'

describe('the lane', () => {
  test('answers with memory of its own, whatever it was part of', async () => {
    const { lane } = open()

    const { status, body } = await lane.rest(post(`{"instances":[${'1,'.repeat(LONG)}1]}`))

    expect(status).toBe(200)
    expect(body.buffer.byteLength).toBe(body.byteLength)
  })

  test('takes bodies that are part of something larger, and leaves that as it is', async () => {
    const { lane } = open()
    const slab = Buffer.alloc(2 * LONG, ' ')
    slab.write(SMALL, 10)

    const { status } = await lane.rest({ ...post(''), body: slab.subarray(10, LONG) })

    expect(status).toBe(200)
    expect(slab.byteLength).toBe(2 * LONG)
  })

  test('writes the metadata of a version once', async () => {
    const core = new FakeCore()
    const { signatures } = await core.find({ name: 'h2' })
    let looks = 0
    const found: Found = {
      name: 'h2',
      version: 1n,
      get signatures() {
        looks++
        return signatures
      },
    }
    vi.spyOn(core, 'find').mockReturnValue(found)
    const { lane } = open({ core })
    const ask = async () => await lane.rest(post('', { method: 'metadata' }))

    const first = await ask()

    expect(await ask()).toEqual(first)
    expect(Buffer.from(first.body).toString()).toContain('"signature_def"')
    expect(looks).toBe(1)
  })

  test('takes no more bodies at a time than its bound, but one of any size', async () => {
    const { lane, core } = open({ bodiesBytesMax: 10 })
    const stuck = {
      ...post(SMALL, { model: { name: 'slow' } }),
      deadlineMs: performance.now() + 500,
    }

    const first = lane.rest(stuck)
    void first.catch(() => undefined)
    await vi.waitUntil(() => core.asked.length === 1)

    await expect(lane.rest(post(SMALL))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('is asked anew after its line was cut, which fails those that wait', async () => {
    const { lane, core, lines } = open()
    const stuck = lane.rest(post(SMALL, { model: { name: 'slow' } }))
    const failure = stuck.catch((error: unknown) => error)
    await vi.waitUntil(() => core.asked.length === 1)

    ports[1]?.close()

    expect(await failure).toMatchObject({ code: 'UNAVAILABLE' })

    expect(await lane.rest(post(SMALL))).toMatchObject({ status: 200 })
    expect(lines()).toBe(2)
  })

  test('tells whoever asked why there is no line', async () => {
    const cause = new ServingError('UNAVAILABLE', 'not now', { retryAfterS: 3 })
    const lane = laneOf(async () => await Promise.reject(cause))

    await expect(lane.rest(post(SMALL))).rejects.toBe(cause)
  })
})

describe('a request that takes long', () => {
  const BIG = `{"more":0,"instances":[${'1.0,'.repeat(500_000)}1.0]}`
  const bodiesBytesMax = 2 ** 26

  test.each<[string, Partial<Rest>, string]>([
    ['predict', {}, BIG],
    ['regress', { method: 'regress' }, BIG.replace('instances', 'examples')],
  ])('lets others have their turn while it is read: %s', async (_, more, body) => {
    const { lane } = open({ bodiesBytesMax, textsMax: 10_000_000 })
    const answers: string[] = []

    const big = lane.rest(post(body, more)).then(() => answers.push('big'))
    const small = lane.rest(post(SMALL)).then(() => answers.push('small'))
    await Promise.all([big, small])

    expect(answers).toEqual(['small', 'big'])
  })

  test('is not waited for by short ones, however many of its kind came before them', async () => {
    const { lane } = open({ bodiesBytesMax, textsMax: 1_000 })
    const answers: string[] = []

    const bigs = [1, 2, 3, 4].map((each) =>
      lane.rest(post(BIG)).then(() => answers.push(`big ${each}`)),
    )
    const small = lane.rest(post(SMALL)).then(() => answers.push('small'))
    await Promise.all([...bigs, small])

    expect(answers.indexOf('small')).toBeLessThan(2)
    expect(answers).toHaveLength(5)
  })
})

describe('a request of which nobody waits for the answer', () => {
  const texts = `{"signature_name":"lengths","examples":[${'{},'.repeat(200)}{}]}`

  test('is not read any more once its deadline has passed', async () => {
    const { lane, core } = open()

    const late = await lane.rest(post(SMALL, { deadlineMs: performance.now() - 1 }))

    expect(late.status).toBe(504)
    expect(core.asked).toEqual([])
  })

  test('is dropped when its client has left', async () => {
    const { lane, core } = open()
    const leaving = new AbortController()
    const answer = lane.rest(post(SMALL, { signal: leaving.signal }))
    leaving.abort()

    expect((await answer).status).toBe(499)
    expect(core.asked).toEqual([])
  })

  test('waits while others hold as many texts as there is room for', async () => {
    const core = new FakeCore()
    const finishing = new AbortController()
    const run = vi.spyOn(core, 'run').mockImplementationOnce(async () => {
      await once(finishing.signal, 'abort')
      return {}
    })
    const { lane } = open({ core })
    const answers: string[] = []
    const first = lane.rest(post(texts, { method: 'regress' })).then(() => answers.push('first'))
    await vi.waitUntil(() => run.mock.calls.length === 1)

    const second = lane.rest(post(texts, { method: 'regress' })).then(() => answers.push('second'))
    const short = lane.rest(post(SMALL)).then(() => answers.push('short'))
    for (let turn = 0; turn < TURNS; turn++) await setImmediate()
    finishing.abort()
    await Promise.all([first, second, short])

    expect(answers).toEqual(['short', 'first', 'second'])
  })
})
