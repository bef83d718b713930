import { expect, test, vi } from 'vitest'
import { makeServers, type Resolve } from './servers.ts'

const NAME = 'dns+http://tf-server:8080'
const v4 = (address: string) => ({ address, family: 4 })
const urlOf = (address: string) => `http://${address}:8080`

/** A resolver and a clock in the test's hands. */
function open(entries: readonly string[]) {
  const knobs = { now: 0, asked: 0, answer: (async () => []) as Resolve }
  const look = makeServers({
    entries,
    keepMs: 30_000,
    resolveMs: 10,
    now: () => knobs.now,
    resolve: async (name) => {
      knobs.asked += 1
      return await knobs.answer(name)
    },
  })
  return { knobs, look }
}

test('all addresses of both families are servers, in one order whatever the answer has', async () => {
  const { knobs, look } = open(['http://fixed:1', NAME])
  const both = [v4('10.0.0.2'), { address: 'fd00::1', family: 6 }, v4('10.0.0.1')]
  knobs.answer = async (name) => (name === 'tf-server' ? both : [])
  const first = await look()
  knobs.now = 5_000
  knobs.answer = async () => both.toReversed()
  const second = await look()

  const urls = ['http://fixed:1', urlOf('10.0.0.1'), urlOf('10.0.0.2'), urlOf('[fd00::1]')]
  expect(first.urls).toEqual(urls)
  expect(second).toEqual(first)
  expect(first.names).toEqual([{ name: NAME, servers: urls.slice(1), left: [], error: null }])
})

test('an answer is taken for five seconds', async () => {
  const { knobs, look } = open([NAME])
  knobs.answer = async () => [v4('10.0.0.1')]
  await look()
  knobs.now = 4_999
  await look()
  const before = knobs.asked
  knobs.now = 5_000
  await look()

  expect([before, knobs.asked]).toEqual([1, 2])
})

test.each<[string, Resolve, RegExp]>([
  ['fails', async () => await Promise.reject(new Error('ENOTFOUND')), /ENOTFOUND/],
  ['knows no address', async () => [], /no address/],
  ['never answers', async () => await new Promise(() => {}), /does not answer/],
  [
    'knows too many',
    async () => Array.from({ length: 1_001 }, (_, index) => v4(`${index}`)),
    /more than 1000/,
  ],
])('the last answer stands while the resolver %s, and it is said', async (_, answer, error) => {
  const { knobs, look } = open([NAME])
  knobs.answer = async () => [v4('10.0.0.1')]
  await look()
  knobs.now = 100_000
  knobs.answer = answer
  const { urls, names } = await look()

  expect(urls).toEqual([urlOf('10.0.0.1')])
  expect(names[0]?.error).toMatch(error)
})

test('a resolver that hangs is asked once, and its late answer is taken', async () => {
  const { knobs, look } = open([NAME])
  const answers: ((found: ReturnType<typeof v4>[]) => void)[] = []
  knobs.answer = async () => await new Promise((resolve) => answers.push(resolve))
  await look()
  knobs.now = 10_000
  const hanging = await look()
  answers[0]?.([v4('10.0.0.1')])
  await vi.waitUntil(async () => (await look()).urls.length > 0)
  const { urls, names } = await look()

  expect(hanging).toEqual({
    urls: [],
    names: [{ name: NAME, servers: [], left: [], error: 'the resolver does not answer' }],
  })
  expect(knobs.asked).toBe(1)
  expect(urls).toEqual([urlOf('10.0.0.1')])
  expect(names[0]?.error).toBeNull()
})

test('an address that has left is asked for a while, so that its silence is noticed', async () => {
  const { knobs, look } = open([NAME])
  knobs.answer = async () => [v4('10.0.0.1'), v4('10.0.0.2')]
  await look()
  knobs.answer = async () => [v4('10.0.0.2'), v4('10.0.0.3')]
  knobs.now = 30_000
  const soon = await look()
  knobs.now = 36_000
  const later = await look()

  expect(soon.urls).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(urlOf))
  expect(soon.names[0]?.left).toEqual([urlOf('10.0.0.1')])
  expect(later.urls).toEqual(['10.0.0.2', '10.0.0.3'].map(urlOf))
  expect(later.names[0]?.left).toEqual([])
})
