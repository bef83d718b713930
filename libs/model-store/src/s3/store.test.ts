import { once } from 'node:events'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Answer, startFalseS3 } from './false-s3.fixture.ts'
import { openS3Store } from './store.ts'

// What a real S3 does not do; what it does is in the slow suite, against a real one.

const LIMITS = { backoffMs: 1, attemptsMax: 4, idleMs: 5_000 }

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'the-id')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'the-secret')
})

afterAll(() => void vi.unstubAllEnvs())

const open = async (endpoint: string, prefix = 'p', create = true) =>
  await openS3Store({ bucket: 'bucket', prefix, endpoint, create, limits: LIMITS })

describe('an S3', () => {
  test.each([
    ['if-none-match', 'ignores If-None-Match'],
    ['if-match', 'ignores If-Match'],
  ] as const)('that does not look at %s is refused', async (header, why) => {
    await using server = await startFalseS3({ ignores: [header] })

    const opening = open(server.endpoint)

    await expect(opening).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(why),
    })
  })

  test('is probed once for each process and store, and never by whoever only reads', async () => {
    await using server = await startFalseS3({})
    const probes = () => server.requests.filter((request) => request.includes('/.probe/')).length

    await expect(open(server.endpoint, 'p', false)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(probes()).toBe(0)
    await Promise.all([open(server.endpoint), open(server.endpoint)])
    const first = probes()
    await open(server.endpoint)
    await open(server.endpoint, 'p', false)

    expect(first).toBeGreaterThan(0)
    expect(probes()).toBe(first)
  })

  test.each([
    { status: 409, code: 'ConditionalRequestConflict' },
    { status: 429, code: 'TooManyRequests' },
    { status: 500, code: 'InternalError' },
    { status: 503, code: 'SlowDown' },
  ])('that answers $status is asked again, and not for ever', async (failure) => {
    let left = 0
    const failures = (): Answer | undefined => (left-- > 0 ? failure : undefined)
    await using server = await startFalseS3({ failures })
    await using store = await open(server.endpoint)

    left = LIMITS.attemptsMax - 1
    expect(await store.create('a', 'x')).toBe(true)
    left = 100
    const given = store.read('a')

    await expect(given).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: failure })
    expect(left).toBe(100 - LIMITS.attemptsMax)
  })

  test('that refuses us is not asked again, and no word of its answer is repeated', async () => {
    let isRefusing = false
    const failure = { status: 403, code: 'SignatureDoesNotMatch' }
    const failures = (): Answer | undefined => (isRefusing ? failure : undefined)
    await using server = await startFalseS3({ failures })
    await using store = await open(server.endpoint)
    isRefusing = true
    const before = server.requests.length

    const error: unknown = await store.read('a').catch((caught: unknown) => caught)

    expect(server.requests.length).toBe(before + 1)
    expect(error).toMatchObject({ code: 'UNAVAILABLE', cause: failure })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/the-(id|secret|string)/)
  })

  test('that never answers is unavailable', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const limits = { ...LIMITS, idleMs: 50, attemptsMax: 2 }

    const opening = openS3Store({ bucket: 'b', endpoint: `http://127.0.0.1:${port}`, limits })

    await expect(opening).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    silent.close()
  })
})
