// Which request lines are read as what (upstream's http_rest_api_util.cc and its HTTP library).

import { ODD_LABEL, ODD_NAME } from '../../models.ts'
import { answered, error, get, post, refused, type RestCase } from './case.ts'

const BODY = '{"instances":[1.0]}'
const ANSWER = { predictions: [2.5] }

const malformed = (method: string, path: string): RestCase => ({
  name: `${method} ${path} is malformed`,
  request: { method, path, ...(method === 'POST' ? { body: BODY } : {}) },
  expect: { status: 400, body: error(`Malformed request: ${method} ${path}`) },
})

const predicts = (path: string): RestCase =>
  answered(`POST ${path} predicts`, { method: 'POST', path, body: BODY }, ANSWER)

/** Every character of a name as its percent escape. */
const escaped = (text: string, digits: (byte: number) => string): string =>
  Array.from(Buffer.from(text), (byte) => `%${digits(byte)}`).join('')
const lower = (byte: number): string => byte.toString(16).padStart(2, '0')
const upper = (byte: number): string => lower(byte).toUpperCase()

const outside = (path: string): RestCase => ({
  name: `${path} is outside the API`,
  request: get(path),
  expect: {
    status: 404,
    body:
      '<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n' +
      '</BODY></HTML>\n',
    headers: { 'content-type': 'text/html' },
  },
})

/** Request lines that predict. */
export const PATHS: readonly RestCase[] = [
  predicts('/v1/models/default:predict'),
  predicts('/V1/MODELS/default:predict'),
  predicts('/v1/models/d%65fault:predict'),
  predicts('/v1/models/%64%65%66%61%75%6C%74:predict'),
  predicts('/v1/models/two/versions/123:predict'),
  predicts('/v1/models/two/VERSIONS/123:predict'),
  predicts('/v1/models/two/versions/00000123:predict'),
  predicts('/v1/models/two/labels/Version_Label:predict'),
  predicts('/v1/models/two/labels/Version%5FLabel:predict'),
  predicts(`/v1/models/${escaped(ODD_NAME, lower)}:predict`),
  predicts(`/v1/models/${escaped(ODD_NAME, upper)}:predict`),
  predicts(`/v1/models/${encodeURIComponent(ODD_NAME)}:predict`),
  predicts(
    `/v1/models/${encodeURIComponent(ODD_NAME)}/labels/${escaped(ODD_LABEL, upper)}:predict`,
  ),
  refused(
    'a plus sign is no space',
    post('a+b:predict', BODY),
    'Servable not found for request: Latest(a+b)',
    404,
  ),
  refused(
    'an escape is undone once',
    post('a%2541:predict', BODY),
    'Servable not found for request: Latest(a%41)',
    404,
  ),
  refused(
    'names keep their capitals',
    post('Default:predict', BODY),
    'Servable not found for request: Latest(Default)',
    404,
  ),
  refused(
    'labels keep their capitals',
    post('two/labels/version_label:predict', BODY),
    'Unrecognized servable version label: version_label',
  ),
  refused(
    'a query of a GET is part of the name',
    get('/v1/models/default?x=1'),
    'Could not find any versions of model default?x=1',
    404,
  ),
]

/** Request lines that are not understood. */
export const MALFORMED: readonly RestCase[] = [
  ...['/v1/foo', '/v1/', '/v1/model/default', '/v1/models/debug/model_name'].map((path) =>
    malformed('GET', path),
  ),
  ...[
    '/v1/models/foo:predict',
    '/v1/models/foo/version/50:predict',
    '/v1/models/default/',
    '/v1/models/default/metadata/',
    '/v1/models/two/versions/',
    '/v1/models/two/versions/-1',
    '/v1/models/two/versions/1.0',
    '/v1/models/two/versions/123/labels/Version_Label',
    '/v1/models/two/status',
  ].map((path) => malformed('GET', path)),
  ...[
    '/v1/foo',
    '/v1/models',
    '/v1/models/',
    '/v1/models/:predict',
    '/v1/models/default',
    '/v1/models/foo/metadata',
    '/v1/models/foo/versions/HELLO:regress',
    '/v1/models/foo/versions/:regress',
    '/v1/models/foo/versions/some_label:regress',
    '/v1/models/foo/label/some_label:regress',
    '/v1/models/foo/labels/:regress',
    '/v1/models/foo:PREDICT',
    '/v1/models/foo:Predict',
    '/v1/models/foo:explain',
    '/v1/models/foo:predict/',
    '/v1/models/foo:predict:predict',
    '/v1/models/foo:predict?x=1',
    '/v1/models/two/versions/123/labels/Version_Label:predict',
  ].map((path) => malformed('POST', path)),
  ...['PUT', 'DELETE', 'PATCH'].map((method) => malformed(method, '/v1/models/default')),
  ...[
    '/v1/models',
    '/v1/models/versions/1',
    '/v1/models/labels/a',
    '/v1/models/labels/a/metadata',
  ].map((path) => refused(`no name in ${path}`, get(path), 'Missing model name in request.')),
  refused(
    'metadata without a model is a name',
    get('/v1/models/metadata'),
    'Could not find any versions of model metadata',
    404,
  ),
  {
    name: 'HEAD is malformed and has no body',
    request: { method: 'HEAD', path: '/v1/models/default' },
    expect: { status: 400, body: '', headers: { 'content-type': 'application/json' } },
  },
  ...[
    'GET /v1/models/two/versions/9223372036854775808',
    'GET /v1/models/two/versions/99999999999999999999/metadata',
  ]
    .map((line) => line.split(' '))
    .map(([method = '', path = '']): RestCase => ({
      name: `${path} has an empty answer`,
      request: { method, path },
      expect: { status: 400, body: '' },
    })),
  {
    name: 'POST to a version beyond int64 has an empty answer',
    request: post('two/versions/9223372036854775808:predict', BODY),
    expect: { status: 400, body: '' },
  },
  refused(
    'the greatest version is one like others',
    post('two/versions/9223372036854775807:predict', BODY),
    'Servable not found for request: Specific(two, 9223372036854775807)',
    404,
  ),
  ...['/', '/v2/models', '/v1', '/favicon.ico', '/index.html?/v1/x'].map(outside),
  ...[
    post('two%zz:predict', BODY),
    post('two/labels/%zz:predict', BODY),
    get('/v1/models/two%'),
    get('/v1/models/two%2/metadata'),
  ].map((request): RestCase => ({
    name: `${request.path}, with an escape that is none, has an empty answer`,
    request,
    expect: { status: 400, body: '' },
  })),
  {
    name: 'a byte that no path may have',
    request: post('two\u00e9:predict', BODY),
    expect: { status: 400 },
  },
]

const preflight = (headers: Readonly<Record<string, string>>, status: number): RestCase => ({
  name: `OPTIONS with ${JSON.stringify(headers)} is ${status}`,
  request: { method: 'OPTIONS', path: '/v1/models/two:predict', headers },
  expect: { status, body: '' },
})

/** What browsers ask first. */
export const OPTIONS: readonly RestCase[] = [
  preflight({ origin: 'http://somewhere.example' }, 200),
  preflight({ origin: 'https://somewhere.example:8443' }, 200),
  preflight({ origin: 'file://somewhere' }, 400),
  preflight({ origin: 'null' }, 400),
  preflight({}, 400),
]
