import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type RestServer, startRest } from './test-support/rest.ts'

let rest: RestServer

beforeAll(async () => {
  rest = await startRest()
})

afterAll(async () => {
  await rest[Symbol.asyncDispose]()
})

const ErrorBody = z.object({ error: z.string() })

const errors: [number, string, string, string | undefined, number, string][] = [
  [
    22,
    'GET',
    '/v1/models/h2/versions/125',
    undefined,
    404,
    'Could not find version 125 of model h2',
  ],
  [26, 'GET', '/v1/models', undefined, 400, 'Missing model name in request.'],
  [27, 'GET', '/v1/foo', undefined, 400, 'Malformed request: GET /v1/foo'],
  [28, 'POST', '/v1/foo', '{}', 400, 'Malformed request: POST /v1/foo'],
  [29, 'GET', '/v1/models/debug/model_name', undefined, 400, 'Malformed request: GET'],
  [31, 'GET', '/v1/models/foo:predict', undefined, 400, 'Malformed request: GET'],
  [36, 'POST', '/v1/models/foo/metadata', '', 400, 'Malformed request: POST'],
  [
    41,
    'POST',
    '/v1/models/foo:predict',
    '{"instances":[1]}',
    404,
    'Servable not found for request: Latest(foo)',
  ],
  [
    42,
    'POST',
    '/v1/models/foo/versions/50:predict',
    '{"instances":[1]}',
    404,
    'Servable not found for request: Specific(foo, 50)',
  ],
  [
    42,
    'POST',
    '/v1/models/h2/versions/124:predict',
    '{"instances":[1]}',
    404,
    'Servable not found for request: Specific(h2, 124)',
  ],
  [
    44,
    'POST',
    '/v1/models/half:predict',
    '{"instances":[1.0,5.0]}',
    404,
    'Servable not found for request: Latest(half)',
  ],
  [
    46,
    'POST',
    '/v1/models/foo:predict',
    'instances = [1, 2]',
    400,
    'JSON Parse error: Invalid value. at offset: 0',
  ],
  [
    47,
    'POST',
    '/v1/models/h2:predict',
    '{"instances":["x","y"]}',
    400,
    'not of expected type: float',
  ],
  [
    49,
    'POST',
    '/v1/models/h2:predict',
    '{"signature_name":100}',
    400,
    "'signature_name' key must be a string value.",
  ],
  [
    51,
    'POST',
    '/v1/models/h2:predict',
    '{"signature_name":"no","instances":[1]}',
    400,
    'Serving signature name: "no" not found in signature def',
  ],
  [
    51,
    'POST',
    '/v1/models/h2:predict',
    '{"signature_name":"__proto__","instances":[1]}',
    400,
    'Serving signature name: "__proto__" not found',
  ],
  [52, 'POST', '/v1/models/h2:predict', '{}', 400, "Missing 'inputs' or 'instances' key"],
  [52, 'POST', '/v1/models/h2:predict', '', 400, 'JSON Parse error: The document is empty'],
  [
    54,
    'POST',
    '/v1/models/h2:predict',
    '{"instances":[[1,2]],"inputs":[1]}',
    400,
    'Not formatted correctly',
  ],
  [
    56,
    'POST',
    '/v1/models/h2:predict',
    '{"instances":[[1,2],[3,4],[[5,6]]]}',
    400,
    'Expecting shape',
  ],
  [
    79,
    'POST',
    '/v1/models/echo:predict',
    '{"inputs":{"f":1,"l":1,"s_bytes":"a"}}',
    400,
    'Missing named input: t',
  ],
  [96, 'DELETE', '/v1/models/x', undefined, 400, 'Malformed request: DELETE /v1/models/x'],
  [97, 'POST', '/v1/models/h2:predict?x=1', '{"instances":[1]}', 400, 'Malformed request: POST'],
  [
    0,
    'POST',
    '/v1/models/h2/labels/no:predict',
    '{"instances":[1]}',
    400,
    'Unrecognized servable version label: no',
  ],
  [
    0,
    'POST',
    '/v1/models/no/labels/no:predict',
    '{"instances":[1]}',
    400,
    'Unrecognized servable version label: no',
  ],
  [
    0,
    'POST',
    '/v1/models/broken:predict',
    '{"instances":[1]}',
    404,
    'Servable not found for request: Latest(broken)',
  ],
  [0, 'GET', '/v1/models/missing', undefined, 404, 'Could not find any versions of model missing'],
  [0, 'GET', '/v1/models/h2%2Fx', undefined, 404, 'Could not find any versions of model h2/x'],
]
test.each(errors)(
  'case %i: %s %s %s is refused',
  async (_case, method, path, body, status, message) => {
    const answer = await rest.send(method, path, body)

    expect(answer).toMatchObject({ status, type: 'application/json' })
    const { error } = ErrorBody.parse(JSON.parse(answer.text))
    expect(error).toContain(message)
    expect(answer.text).toBe(`{\n    "error": ${JSON.stringify(error)}\n}`)
  },
)

test('what is not of this API gets the page of upstream', async () => {
  const { status, type, text } = await rest.send('GET', '/')

  expect({ status, type }).toEqual({ status: 404, type: 'text/html' })
  expect(text).toContain('<H1>Not Found</H1>')
})

test.each(['/v1/models/h2/versions/9223372036854775808', '/v1/models/%ff'])(
  '%s cannot be read, and the answer has no body',
  async (path) => {
    expect(await rest.send('GET', path)).toEqual({
      status: 400,
      type: 'application/json',
      text: '',
    })
  },
)

describe('on loopback', () => {
  const from = async (headers: Record<string, string>) =>
    await rest.send('POST', '/v1/models/h2:predict', '{"instances":[1.0]}', headers)

  test('a page of another origin is refused, whatever it asks', async () => {
    const answer = await from({ origin: 'http://a.example' })

    expect(answer).toEqual({
      status: 403,
      type: 'application/json',
      text: '{\n    "error": "The Origin \\"http://a.example\\" may not use this API"\n}',
    })
  })

  test('a name that was made to stand for this machine is refused', async () => {
    const answer = await from({ host: 'a.example:80' })

    expect(answer).toEqual({
      status: 403,
      type: 'application/json',
      text: '{\n    "error": "The Host header \\"a.example:80\\" is not this machine"\n}',
    })
  })

  test.each([
    { host: 'localhost:8501' },
    { host: '[::1]:8501' },
    { host: 'localhost:1', origin: 'http://localhost:1' },
    { 'content-type': 'text/plain' },
  ])('%j is answered', async (headers) => {
    expect(await from(headers)).toMatchObject({ status: 200 })
  })
})

test('off loopback any name is answered: only there can it be the name of the server', async () => {
  await using open = await startRest(['--rest_api_host=0.0.0.0'])
  const headers = { host: 'models.example', origin: 'http://a.example' }

  const { status } = await open.send('GET', '/v1/models/h2', undefined, headers)
  const answer = await fetch(`${open.url}/v1/models/h2`, { headers: { origin: 'http://b' } })

  expect(status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
})
