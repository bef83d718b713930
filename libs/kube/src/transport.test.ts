import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { KubeError } from './error.ts'
import { backoffMs, retryAfterMs, TRIES_MAX, waitMs } from './retry.ts'
import { reply, startApiServer } from './test-support/api-server.ts'
import { makeTransport } from './transport.ts'

const Ok = z.object({ ok: z.boolean() })
const ASK = { method: 'GET' as const, path: '/x' }
const random = () => 0

const failureOf = async (call: Promise<unknown>): Promise<KubeError> => {
  const error: unknown = await call.catch((reason: unknown) => reason)
  if (error instanceof KubeError) return error
  throw new Error('it did not fail as expected', { cause: error })
}

test.each([
  [400, 'INVALID'],
  [401, 'FORBIDDEN'],
  [403, 'FORBIDDEN'],
  [404, 'NOT_FOUND'],
  [409, 'CONFLICT'],
  [422, 'INVALID'],
])(
  'an answer of %i is told at once as %s, with the words of the API server',
  async (status, code) => {
    await using api = await startApiServer((_asked, response) =>
      reply(response, status, { message: 'no such luck' }),
    )

    const error = await failureOf(makeTransport(api.access, { random }).call(ASK, Ok))

    expect(error.code).toBe(code)
    expect(error.message).toBe(`GET /x: answered ${status}: no such luck`)
    // A 401 is tried once more, with the token that was read anew.
    expect(api.asked).toHaveLength(status === 401 ? 2 : 1)
  },
)

test.each([429, 500, 503])('an answer of %i is tried again', async (status) => {
  await using api = await startApiServer((_asked, response, count) =>
    count < 3
      ? reply(response, status, {}, { 'retry-after': '0' })
      : reply(response, 200, { ok: true }),
  )

  const answer = await makeTransport(api.access, { random }).call(ASK, Ok)

  expect(answer).toEqual({ ok: true })
  expect(api.asked).toHaveLength(3)
})

test('tries are bounded', async () => {
  await using api = await startApiServer((_asked, response) => reply(response, 503, {}))

  const error = await failureOf(makeTransport(api.access, { random }).call(ASK, Ok))

  expect(error.code).toBe('UNAVAILABLE')
  expect(api.asked).toHaveLength(TRIES_MAX)
})

test('an API server that says nothing is given up in time', async () => {
  await using api = await startApiServer(() => {})
  const transport = makeTransport(api.access, { random, tryMs: 20, callMs: 100 })

  expect((await failureOf(transport.call(ASK, Ok))).code).toBe('UNAVAILABLE')
})

test('an answer of another shape is INVALID', async () => {
  await using api = await startApiServer((_asked, response) => reply(response, 200, { ok: 1 }))

  const error = await failureOf(makeTransport(api.access, { random }).call(ASK, Ok))

  expect(error.code).toBe('INVALID')
})

test('an error shows neither the token nor what was sent', async () => {
  await using api = await startApiServer((_asked, response) => {
    response.destroy()
  })
  const ask = { method: 'PATCH' as const, path: '/x', body: { hidden: 'secret-body' } }

  const error = await failureOf(makeTransport(api.access, { random }).call(ask, Ok))

  expect(inspect(error, { depth: 9 })).not.toMatch(/secret-/)
})

test('a token that was renewed is used at once', async () => {
  await using api = await startApiServer(({ authorization }, response) =>
    reply(response, authorization === 'Bearer secret-1' ? 200 : 401, { ok: true }),
  )

  expect(await makeTransport(api.access, { random }).call(ASK, Ok)).toEqual({ ok: true })
})

test('a hundred calls share one connection', async () => {
  await using api = await startApiServer((_asked, response) => reply(response, 200, { ok: true }))
  const transport = makeTransport(api.access)

  for (let count = 0; count < 100; count++) await transport.call(ASK, Ok)

  expect(api.connections()).toBe(1)
})

test('waits double, are bounded and heed what the API server asks for', () => {
  expect([0, 1, 2, 40].map((attempt) => backoffMs(attempt, 1))).toEqual([200, 400, 800, 10_000])
  expect(backoffMs(0, 0)).toBe(100)
  expect([undefined, '2', '99999', 'Wed, 21 Oct'].map(retryAfterMs)).toEqual([
    undefined,
    2_000,
    10_000,
    undefined,
  ])
  expect(waitMs(0, '3', 0)).toBe(3_000)
})
