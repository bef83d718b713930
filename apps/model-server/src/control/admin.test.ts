import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ServedList } from '@drover/model-config'
import { ServingError } from '@drover/serving-api'
import { z } from 'zod'
import { makeAdmin } from './admin.ts'
import { configOf, startServed, WAIT } from './served.fixture.ts'

const Address = z.object({ port: z.number() })
const Listed = z.looseObject({
  base: z.string(),
  after: z.string().optional(),
  models: z.array(z.looseObject({ name: z.string() })),
})
let world: Awaited<ReturnType<typeof startServed>>
let server: Server
let asked: string[]
let isWedged: boolean

beforeEach(async () => {
  world = await startServed({
    usageOf: (name) => ({ lastUsedMs: name === 'a' ? 1 : 0, requests: 3, failures: 1 }),
  })
  asked = []
  isWedged = false
  const { models, reload, log, limits } = world
  const listener = makeAdmin({
    models,
    reload,
    log,
    limits,
    run: async () =>
      await Promise.reject(
        new ServingError('NOT_FOUND', 'Servable not found for request: Latest(x)'),
      ),
    prometheus: async () => await Promise.resolve(Buffer.from('# TYPE x counter\n')),
    accept: async () => await Promise.resolve(asked.push('accept')),
    drain: () => asked.push('drain'),
    pulse: async () => {
      if (isWedged) throw new ServingError('DEADLINE_EXCEEDED', 'a thread does not answer')
    },
  })
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  server.close()
  server.closeAllConnections()
  await world.stop()
})

async function call(method: string, path: string, body?: object) {
  const { port } = Address.parse(server.address())
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const text = await response.text()
  return { status: response.status, text, json: (): unknown => JSON.parse(text) }
}
const list = async (query = '') =>
  Listed.parse((await call('GET', `/drover/v1/models${query}`)).json())

describe("the agent's side", () => {
  test('a delta is answered when all that it names has settled', async () => {
    await world.write('t.good', 1)
    await world.write('t.bad', 2, 'bad')
    const upsert = (name: string, version: number) => ({
      name,
      basePath: world.at(name),
      versions: [version],
      labels: { stable: version },
    })

    const { json } = await call('POST', '/v1/models', {
      upserts: [upsert('t.good', 1), upsert('t.bad', 2)],
      removes: ['t.unknown'],
    })

    expect(ServedList.parse(json()).versions).toEqual([
      { name: 't.good', version: 1, state: 'AVAILABLE', engine: 'kernel', sizeBytes: 5 },
      {
        name: 't.bad',
        version: 2,
        state: 'END',
        sizeBytes: 0,
        error: `the graph of ${world.at('t.bad')}/2 is broken`,
      },
    ])
    expect(world.threads.models.get('t.good')?.labels).toEqual(new Map([['stable', 1n]]))

    await call('POST', '/v1/models', { upserts: [], removes: ['t.good', 't.bad'] })
    await vi.waitUntil(async () => {
      const { json: rest } = await call('GET', '/v1/models')
      return ServedList.parse(rest()).versions.length === 0
    }, WAIT)
  })

  test('models that its contract cannot carry are not told of', async () => {
    for (const [name, version] of [
      ['plain', '1'],
      ['t.m', '9223372036854775807'],
      ['t.n', '3'],
    ] as const)
      await world.write(name, version)
    await world.reload.reload(
      configOf(world.config('plain'), world.config('t.m'), world.config('t.n')),
    )

    const { json } = await call('GET', '/v1/models')

    expect(ServedList.parse(json()).versions).toMatchObject([{ name: 't.n', version: 3 }])
  })

  test('it is accepted, drained and asked for its pulse', async () => {
    expect((await call('POST', '/v1/accept', {})).json()).toEqual({ accepting: true })
    expect((await call('GET', '/livez')).json()).toEqual({ ok: true })
    expect((await call('GET', '/v1/pulse')).json()).toEqual({ alive: true })
    isWedged = true
    expect(await call('GET', '/v1/pulse')).toMatchObject({ status: 504 })
    expect((await call('POST', '/v1/drain', {})).json()).toEqual({ draining: true })
    await vi.waitUntil(() => asked.length === 2, WAIT)

    expect(asked).toEqual(['accept', 'drain'])
    const run = { name: 'x', version: 1, signature: 's', inputs: {} }
    expect(await call('POST', '/v1/run', run)).toMatchObject({ status: 404 })
    expect((await call('GET', '/drover/v1/metrics')).text).toBe('# TYPE x counter\n')
  })
})

describe('the list', () => {
  beforeEach(async () => {
    for (const name of ['c', 'a', 'b', 'ab']) await world.write(name, 1)
    await world.write('bad', 1, 'bad')
    const names = ['c', 'bad', 'a', 'b', 'ab']
    await world.reload.reload(configOf(...names.map((name) => world.config(name)))).catch(() => {})
  })

  test('tells all that is known of a model', async () => {
    const { models } = await list('?name=a')

    expect(models).toEqual([
      {
        name: 'a',
        versions: [
          {
            version: '1',
            state: 'AVAILABLE',
            since: expect.stringMatching(/^20.*Z$/),
            engine: 'kernel',
            sizeBytes: 5,
            residentBytes: 5,
            directory: `${world.at('a')}/1`,
          },
        ],
        labels: {},
        lastUsed: '1970-01-01T00:00:00.001Z',
        requests: 3,
        failures: 1,
      },
    ])
  })

  test.each([
    ['', ['a', 'ab', 'b', 'bad', 'c']],
    ['?prefix=a', ['a', 'ab']],
    ['?state=END', ['bad']],
    ['?state=AVAILABLE&prefix=b', ['b']],
    ['?engine=kernel', ['a', 'ab', 'b', 'c']],
    ['?engine=cold', []],
    ['?name=nobody', []],
    ['?fault=true', ['bad']],
    ['?fault=false&prefix=a', ['a', 'ab']],
  ])('%j lists %j', async (query, names) => {
    expect((await list(query)).models.map(({ name }) => name)).toEqual(names)
  })

  test('finds a model whose files are not there by its fault', async () => {
    const names = ['c', 'missing']
    await world.reload.reload(configOf(...names.map((name) => world.config(name)))).catch(() => {})

    expect((await list('?fault=true')).models).toMatchObject([
      { name: 'missing', versions: [], why: expect.stringContaining('missing') },
    ])
  })

  test('comes in pages, in the order of names', async () => {
    const pages: string[][] = []
    let after: string | undefined
    do {
      const page = await list(`?limit=2${after === undefined ? '' : `&after=${after}`}`)
      pages.push(page.models.map(({ name }) => name))
      after = page.after
    } while (after !== undefined)

    expect(pages).toEqual([['a', 'ab'], ['b', 'bad'], ['c']])
  })

  test.each(['?limit=0', '?limit=1001', '?state=BROKEN', '?fault=yes', '?order=size'])(
    '%j is refused',
    async (query) => {
      expect((await call('GET', `/drover/v1/models${query}`)).status).toBe(400)
    },
  )
})

describe('a delta', () => {
  const apply = async (body: object) => await call('POST', '/drover/v1/apply', body)
  const Applied = z.object({ base: z.string(), failed: z.string().optional() })

  test('takes effect where the caller knows what is served, and only there', async () => {
    await world.write('a', 1)
    await world.write('b', 1)
    const { base } = await list()
    const first = await apply({
      base,
      upserts: [{ name: 'a', basePath: world.at('a') }],
      waitMs: 5_000,
    })
    expect(Applied.parse(first.json()).failed).toBeUndefined()
    expect(world.threads.answering('a')).toBe('1')

    const stale = await apply({ base, upserts: [{ name: 'b', basePath: world.at('b') }] })
    expect(stale.status).toBe(409)
    expect(world.models.get('b')).toBeUndefined()

    const { base: now } = Applied.parse(first.json())
    const nothing = await apply({ removes: ['nobody'] })
    expect(Applied.parse(nothing.json()).base).toBe(now)
    const next = await apply({ base: now, removes: ['a'] })
    expect(next.status).toBe(200)
    await vi.waitUntil(() => world.threads.find('a') === undefined, WAIT)
  })

  test('says what did not become available, and leaves the others alone', async () => {
    await world.write('a', 1)
    await world.write('bad', 1, 'bad')
    await world.reload.reload(configOf(world.config('a')))

    const { json } = await apply({
      upserts: [{ name: 'bad', basePath: world.at('bad') }],
      waitMs: 5_000,
    })

    expect(Applied.parse(json()).failed).toContain('{name: bad version: 1} due to error: the graph')
    expect(world.threads.answering('a')).toBe('1')
  })

  test('takes versions as they are given, as numbers or as decimal text', async () => {
    await world.write('m', '9223372036854775807')
    await world.write('m', '1')
    const versions = ['9223372036854775807', 1]

    await apply({
      upserts: [{ name: 'm', basePath: world.at('m'), policy: { kind: 'given', versions } }],
      waitMs: 5_000,
    })

    expect(world.threads.answering('m')).toBe('1 9223372036854775807')
  })

  test.each([
    ['a relative path', { upserts: [{ name: 'a', basePath: 'a' }] }, 'absolute path or URI'],
    ['no int64', { upserts: [{ name: 'a', basePath: '/a', labels: { l: '9'.repeat(19) } }] }, ''],
    ['an unknown field', { inserts: [] }, ''],
  ])('with %s is refused', async (_what, body, why) => {
    const { status, text } = await apply(body)

    expect(status).toBe(400)
    expect(text).toContain(why)
  })
})
