import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answerTo,
  type Ask,
  errorText,
  pageText,
  predictionsText,
  READERS,
} from './client.fixture.ts'
import { startPort, type TestPort } from './port.fixture.ts'

const METRICS = '/monitoring/prometheus/metrics'
const STATUS =
  '{\n "model_version_status": [\n  {\n   "version": "123",\n   "state": "AVAILABLE",\n' +
  '   "status": {\n    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n'

let port: TestPort

beforeAll(async () => {
  port = await startPort({ settings: { prometheusPath: METRICS } })
})

afterAll(async () => {
  await port[Symbol.asyncDispose]()
})

const asked: [ask: Ask, status: number, body: unknown][] = [
  [
    { path: '/v1/models/h2:predict', body: '{"instances":[1.0,2.0,5.0]}' },
    200,
    predictionsText('2.5, 3.0, 4.5'),
  ],
  [
    { path: '/v1/models/h2/versions/123:predict', body: '{"instances":[1]}' },
    200,
    predictionsText('2.5'),
  ],
  [
    { path: '/v1/models/h2/labels/Version_Label:predict', body: '{"instances":[1]}' },
    200,
    predictionsText('2.5'),
  ],
  [{ path: '/V1/MODELS/h2:predict', body: '{"instances":[1]}' }, 200, predictionsText('2.5')],
  [{ path: '/v1/models/%682:predict', body: '{"instances":[1]}' }, 200, predictionsText('2.5')],
  [{ path: '/v1/models/cold:predict', body: '{"instances":[1]}' }, 200, predictionsText('2.5')],
  [
    { path: '/v1/models/h2:predict', body: '{"inputs":[2.0,3.0]}' },
    200,
    '{\n    "outputs": [\n        3.0,\n        3.5\n    ]\n}',
  ],
  [
    { path: '/v1/models/h2:regress', body: '{"signature_name":"lengths","examples":[{"x":1.0}]}' },
    200,
    expect.stringMatching(/^\{\n {4}"results": \[\d+\.0\n? *\]\n\}$/),
  ],
  [
    { path: '/v1/models/h2:classify', body: '{"signature_name":"scores","examples":[{"x":1.0}]}' },
    200,
    expect.stringMatching(/^\{\n {4}"results": \[\[\["", \d+\.0\]\]\n {4}\]\n\}$/),
  ],
  [
    { path: '/v1/models/h2:PREDICT', body: '{}' },
    400,
    errorText('Malformed request: POST /v1/models/h2:PREDICT'),
  ],
  [
    { path: '/v1/models/h2:predict/', body: '{}' },
    400,
    errorText('Malformed request: POST /v1/models/h2:predict/'),
  ],
  [
    { path: '/v1/models/h2:predict?x=1', body: '{}' },
    400,
    errorText('Malformed request: POST /v1/models/h2:predict?x=1'),
  ],
  [{ path: '/v1/foo', body: '{}' }, 400, errorText('Malformed request: POST /v1/foo')],
  [
    { path: '/v1/models/h2:predict', body: '' },
    400,
    errorText('JSON Parse error: The document is empty'),
  ],
  [
    { path: '/v1/models/foo:predict', body: 'instances = [1]' },
    400,
    errorText('JSON Parse error: Invalid value. at offset: 0'),
  ],
  [
    { path: '/v1/models/foo:predict', body: '{"instances":[1]}' },
    404,
    errorText('Servable not found for request: Latest(foo)'),
  ],
  [
    { path: '/v1/models/h2/versions/50:predict', body: '{"instances":[1]}' },
    404,
    errorText('Servable not found for request: Specific(h2, 50)'),
  ],
  [
    { path: '/v1/models/no/labels/no:predict', body: '{"instances":[1]}' },
    400,
    errorText('Unrecognized servable version label: no'),
  ],
  [
    { path: '/v1/models/h2:predict', body: '{"signature_name":"__proto__","instances":[1]}' },
    400,
    errorText('Serving signature name: "__proto__" not found in signature def'),
  ],
  [
    { path: '/v1/models/h2:regress', body: '{"examples":[]}' },
    400,
    expect.stringMatching(/'examples' value is an empty array/),
  ],
  [
    { path: '/v1/models/h2:classify', body: '{"signature_name":"no","examples":[{}]}' },
    400,
    errorText('No signature was found with the name: no'),
  ],
  [{ path: '/v1/models/h2/versions/9223372036854775808:predict', body: '{}' }, 400, ''],
  [
    { path: '/v1/models/busy:predict', body: '{"instances":[1]}' },
    503,
    errorText('It is being loaded'),
  ],
  [{ method: 'GET', path: '/v1/models/h2' }, 200, STATUS],
  [{ method: 'GET', path: '/v1/models/h2/versions/123' }, 200, STATUS],
  [{ method: 'GET', path: '/v1/models/h2/labels/nope' }, 200, STATUS],
  [
    { method: 'GET', path: '/v1/models/h2/versions/125' },
    404,
    errorText('Could not find version 125 of model h2'),
  ],
  [
    { method: 'GET', path: '/v1/models/h2?x=1' },
    404,
    errorText('Could not find any versions of model h2?x=1'),
  ],
  [{ method: 'GET', path: '/v1/models' }, 400, errorText('Missing model name in request.')],
  [
    { method: 'GET', path: '/v1/models/foo:predict' },
    400,
    errorText('Malformed request: GET /v1/models/foo:predict'),
  ],
  [
    { method: 'GET', path: '/v1/models/h2/versions/123/metadata' },
    200,
    expect.stringMatching(
      /^\{\n"model_spec":\{\n "name": "h2",\n "signature_name": "",\n "version": "123"\n\}/,
    ),
  ],
  [
    { method: 'GET', path: '/v1/models/no/metadata' },
    404,
    errorText('Servable not found for request: Latest(no)'),
  ],
  [{ method: 'GET', path: '/' }, 404, pageText(404, 'Not Found')],
  [{ method: 'GET', path: '/drover/v1/models' }, 404, pageText(404, 'Not Found')],
  [{ method: 'GET', path: '/v1/models/a"b' }, 400, ''],
  [{ method: 'GET', path: '/v1/models/%zz' }, 400, ''],
  [{ method: 'GET', path: '/elsewhere/%zz' }, 400, pageText(400, 'Bad Request')],
  [{ method: 'GET', path: METRICS }, 200, '# TYPE a counter\na 1\n'],
  [
    { method: 'GET', path: `${METRICS}?a=b` },
    400,
    `Unexpected path: ${METRICS}?a=b. Should be ${METRICS}`,
  ],
]

describe.each(READERS)('read by %s', (_name, request) => {
  test.each(asked)('%j is answered with %i %s', async (ask, status, body) => {
    const answer = await answerTo(port.url, request(ask))

    expect(answer).toMatchObject({ status, body })
  })
})
