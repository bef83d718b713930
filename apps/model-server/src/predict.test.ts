import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ODD_NAME, type RestServer, startRest } from './test-support/rest.ts'

let rest: RestServer

beforeAll(async () => {
  rest = await startRest()
})

afterAll(async () => {
  await rest[Symbol.asyncDispose]()
})

const row = (...values: string[]): string => `{\n    "predictions": [${values.join(', ')}\n    ]\n}`
const column = (...values: string[]): string =>
  `{\n    "outputs": [\n${values.map((value) => `        ${value}`).join(',\n')}\n    ]\n}`

const predictions: [number, string, string, string][] = [
  [1, 'h2:predict', '{"instances":[[1.0,2.0],[3.0,4.0]]}', row('[2.5, 3.0]', '[3.5, 4.0]')],
  [2, 'h2/versions/123:predict', '{"instances":[1.0,2.0]}', row('2.5', '3.0')],
  [3, 'h2/labels/Version_Label:predict', '{"instances":[1.0,2.0]}', row('2.5', '3.0')],
  [
    4,
    'h2:predict',
    '{"signature_name":"serving_default","instances":[3.0,4.0]}',
    row('3.5', '4.0'),
  ],
  [6, 'h2:predict', '{"instances":[2.0,3.0,4.0]}', row('3.0', '3.5', '4.0')],
  [7, 'h2:predict', '{"inputs":[2.0,3.0,4.0]}', column('3.0', '3.5', '4.0')],
  [9, 'h2:predict', '{"instances":[1.0,2.0,5.0]}', row('2.5', '3.0', '4.5')],
  [9, 'both:predict', '{"instances":[1.0]}', row('3.5')],
  [9, 'both/versions/123:predict', '{"instances":[1.0]}', row('2.5')],
  [72, 'h2:predict', '{"inputs":{"x":[2.0]}}', column('3.0')],
  [77, 'h2:predict', '{"instances":[NaN,-Infinity]}', row('NaN', '-Infinity')],
  [91, `${encodeURIComponent(ODD_NAME)}:predict`, '{"instances":[1.0]}', row('3.5')],
]
test.each(predictions)('case %i: %s answers %s', async (_case, path, body, answer) => {
  expect(await rest.send('POST', `/v1/models/${path}`, body)).toEqual({
    status: 200,
    type: 'application/json',
    text: answer,
  })
})

test('values of all kinds come back as they were sent', async () => {
  const values = `"f": 0.1, "l": 9007199254740993, "s_bytes": {"b64": "/w=="}, "t": "ä\\n"`

  const { text } = await rest.send('POST', '/v1/models/echo:predict', `{"instances":[{${values}}]}`)

  expect(text.replaceAll(/\s+/g, ' ')).toBe(
    '{ "predictions": [ { "f": 0.1, "l": 9007199254740993, ' +
      '"s_bytes": { "b64": "/w==" }, "t": "ä\\n" } ] }',
  )
})

test('a column may hold scalars', async () => {
  const body = '{"inputs":{"f":1,"l":1,"s_bytes":"a","t":"b"}}'

  const { status, text } = await rest.send('POST', '/v1/models/echo:predict', body)

  expect(status).toBe(200)
  expect(text).toContain('"f": 1.0')
})

const of = (version: string, state: string) => ({
  version,
  state,
  status: { error_code: 'OK', error_message: '' },
})

describe('status', () => {
  test('case 17: of one version', async () => {
    const { status, text } = await rest.send('GET', '/v1/models/h2')

    expect(status).toBe(200)
    expect(JSON.parse(text)).toEqual({ model_version_status: [of('123', 'AVAILABLE')] })
  })

  test('case 24: a label is ignored, and all versions come, highest first', async () => {
    const { text } = await rest.send('GET', '/v1/models/both/labels/nope')

    const versions = [of('124', 'AVAILABLE'), of('123', 'AVAILABLE')]
    expect(JSON.parse(text)).toEqual({ model_version_status: versions })
  })

  test('of a version that does not load, with the reason', async () => {
    const { status, text } = await rest.send('GET', '/v1/models/broken')

    expect(status).toBe(200)
    expect(text).toContain('"state": "END"')
    expect(text).not.toContain('"error_message": ""')
  })
})

test('case 21: metadata says what may be asked', async () => {
  const { status, text } = await rest.send('GET', '/v1/models/both/versions/123/metadata')

  expect(status).toBe(200)
  expect(JSON.parse(text)).toMatchObject({
    model_spec: { name: 'both', signature_name: '', version: '123' },
    metadata: {
      signature_def: {
        signature_def: {
          serving_default: {
            inputs: { x: { dtype: 'DT_FLOAT', name: 'x:0' } },
            method_name: 'tensorflow/serving/predict',
          },
        },
      },
    },
  })
})
