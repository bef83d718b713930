import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRoute } from './paths.ts'

const refusals: [number, string, string, string][] = [
  [26, 'GET', '/v1/models', 'Missing model name in request.'],
  [27, 'GET', '/v1/foo', 'Malformed request: GET /v1/foo'],
  [28, 'POST', '/v1/foo', 'Malformed request: POST /v1/foo'],
  [29, 'GET', '/v1/models/debug/model_name', 'Malformed request: GET'],
  [31, 'GET', '/v1/models/foo:predict', 'Malformed request: GET'],
  [32, 'GET', '/v1/models/foo/version/50:predict', 'Malformed request: GET'],
  [34, 'POST', '/v1/models/foo/versions/HELLO:regress', 'Malformed request: POST'],
  [36, 'POST', '/v1/models/foo/metadata', 'Malformed request: POST /v1/models/foo/metadata'],
  [37, 'POST', '/v1/models/foo/label/some_label:regress', 'Malformed request: POST'],
  [39, 'POST', '/v1/models/foo/versions/some_label:regress', 'Malformed request: POST'],
  [96, 'DELETE', '/v1/models/x', 'Malformed request: DELETE /v1/models/x'],
  [97, 'POST', '/v1/models/x:predict?x=1', 'Malformed request: POST /v1/models/x:predict?x=1'],
  [0, 'POST', '/v1/models/x:PREDICT', 'Malformed request: POST /v1/models/x:PREDICT'],
  [0, 'POST', '/v1/models/x:predict/', 'Malformed request: POST /v1/models/x:predict/'],
  [0, 'GET', '/v1/models/', 'Malformed request: GET /v1/models/'],
]
test.each(refusals)('case %i: %s %s is refused', (_case, method, path, message) => {
  expect(parseRoute(method, path)).toMatchObject({
    kind: 'refused',
    error: { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) },
  })
})

const routes: [string, string, object][] = [
  ['POST', '/v1/models/a:predict', { kind: 'predict', model: { name: 'a' } }],
  ['POST', '/V1/Models/a/Versions/007:predict', { kind: 'predict', model: { version: 7n } }],
  ['POST', '/v1/models/a/labels/b%20c:classify', { kind: 'classify', model: { label: 'b c' } }],
  ['GET', '/v1/models/a', { kind: 'status', model: { name: 'a' } }],
  ['GET', '/v1/models/a/versions/1', { kind: 'status', model: { version: 1n } }],
  ['GET', '/v1/models/a/METADATA', { kind: 'status', model: { name: 'a' } }],
  ['GET', '/v1/models/a/versions/2/metadata', { kind: 'metadata', model: { version: 2n } }],
  ['GET', '/v1/models/a?x=1', { kind: 'status', model: { name: 'a?x=1' } }],
  ['GET', '/v1/models/50%', { kind: 'status', model: { name: '50%' } }],
  ['GET', '/v1/models/%zz', { kind: 'status', model: { name: '%zz' } }],
  ['GET', '/v1/models/\u00c3\u00a4', { kind: 'status', model: { name: 'ä' } }],
  ['GET', '/', { kind: 'unknown' }],
  ['GET', '/v1', { kind: 'unknown' }],
  ['GET', '/v2/models/a', { kind: 'unknown' }],
]
test.each(routes)('%s %s is understood', (method, path, route) => {
  expect(parseRoute(method, path)).toMatchObject(route)
})

test('case 91: every reserved character may be in a name', () => {
  const name = "modelname!#$%&'()*+,/:;=?@[]"

  const route = parseRoute('GET', `/v1/models/${name.replace(/\W/g, escapeCharacter)}`)

  expect(route).toEqual({ kind: 'status', model: { name } })
})
const escapeCharacter = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`

describe('what cannot be read is refused without a body', () => {
  test.each(['/v1/models/a/versions/9223372036854775808', '/v1/models/%ff'])('%s', (path) => {
    expect(parseRoute('GET', path).kind).toBe('unreadable')
  })
})

test('any name comes back from its percent-encoded form', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      expect(parseRoute('POST', `/v1/models/${encodeURIComponent(name)}:predict`)).toEqual({
        kind: 'predict',
        model: { name },
      })
    }),
  )
})
