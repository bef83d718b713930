import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pino } from 'pino'
import { listen, type Listening, makeApi } from './http.ts'

const TOKEN = 'a-token-of-this-test'
const METRICS_TOKEN = 'another-token'
const logged: string[] = []
const log = pino({}, { write: (line: string) => void logged.push(line) })

const isReady = () => ({ ready: true })

describe('an API with a token for its metrics', () => {
  let server: Listening
  beforeAll(async () => {
    const options = { log, token: TOKEN, metricsToken: METRICS_TOKEN, isReady }
    const api = makeApi(options, (app) => {
      app.get('/metrics', (_asked, answer) => void answer.send('things 1\n'))
      app.get('/metrics/x', (_asked, answer) => void answer.send('x'))
      app.post('/metrics', (_asked, answer) => void answer.send('written'))
      app.get('/v1/things', (_asked, answer) => void answer.send('x'))
    })
    server = await listen(api, { host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
  })

  test.each([
    ['opens the metrics', 'GET', '/metrics', METRICS_TOKEN, 200],
    ['opens them to the token of everything as well', 'GET', '/metrics', TOKEN, 200],
    ['opens them to no part of the token', 'GET', '/metrics', 'another', 401],
    ['opens nothing else by it', 'GET', '/v1/things', METRICS_TOKEN, 401],
    ['opens nothing below them', 'GET', '/metrics/x', METRICS_TOKEN, 401],
    ['lets nobody write by it', 'POST', '/metrics', METRICS_TOKEN, 401],
  ])('%s', async (_what, method, path, token, status) => {
    const headers = { authorization: `Bearer ${token}` }

    const answer = await fetch(`${server.url}${path}`, { method, headers })

    expect(answer.status).toBe(status)
    await answer.body?.cancel()
    expect(logged).toEqual([])
  })

  test('opens them to nobody without a token', async () => {
    const answer = await fetch(`${server.url}/metrics`)

    expect(answer.status).toBe(401)
    await answer.body?.cancel()
  })
})
