// What flags change: a server with CORS, a metrics page and a short time for each request.

import { error, get, post, type RestCase } from './case.ts'

/** The path that the tests configure. */
export const METRICS_PATH = '/some/metrics'
/** `--rest_api_timeout_in_ms` of that server. */
export const TIMEOUT_MS = 300

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST, GET',
  'access-control-allow-headers': 'Content-Type',
}

const CORS_CASES: readonly RestCase[] = [
  {
    name: 'answers',
    request: post('default:predict', '{"instances":[1.0]}'),
    expect: { status: 200, json: { predictions: [2.5] }, headers: CORS },
  },
  {
    name: 'errors',
    request: post('half:predict', '{"instances":[1.0]}'),
    expect: {
      status: 404,
      body: error('Servable not found for request: Latest(half)'),
      headers: CORS,
    },
  },
  {
    name: 'status',
    request: get('/v1/models/default'),
    expect: {
      status: 200,
      json: {
        model_version_status: [
          { version: '123', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
        ],
      },
      headers: CORS,
    },
  },
  {
    name: 'what is malformed',
    request: get('/v1/foo'),
    expect: { status: 400, body: error('Malformed request: GET /v1/foo'), headers: CORS },
  },
  {
    name: 'OPTIONS',
    request: {
      method: 'OPTIONS',
      path: '/v1/models/default:predict',
      headers: { origin: 'https://page.example' },
    },
    expect: { status: 200, body: '', headers: CORS },
  },
]

const METRICS_CASES: readonly RestCase[] = [
  {
    name: 'the page is plain text',
    request: get(METRICS_PATH),
    expect: {
      status: 200,
      contains: [
        '# TYPE :tensorflow:serving:request_count counter\n',
        ':tensorflow:serving:request_count{model_name="default",status="OK"} ',
        '# TYPE :tensorflow:serving:request_latency histogram\n',
        ':tensorflow:serving:request_latency_bucket{model_name="default",API="predict",entrypoint="REST",le="10"} ',
        ':tensorflow:serving:request_latency_bucket{model_name="default",API="predict",entrypoint="REST",le="1.27482e+06"} ',
        ':tensorflow:serving:request_latency_count{model_name="default",API="",entrypoint="REST"} ',
        '# TYPE :tensorflow:serving:runtime_latency histogram\n',
        ':tensorflow:serving:runtime_latency_bucket{model_name="default",API="Predict",runtime="TF1",le="10"} ',
        ':tensorflow:serving:runtime_latency_count{model_name="default",API="Predict",runtime="TF1"} ',
        ',le="+Inf"} ',
        ':tensorflow:serving:request_latency_sum{model_name="default",API="predict",entrypoint="REST"} ',
        ':tensorflow:serving:request_latency_count{model_name="default",API="predict",entrypoint="REST"} ',
      ],
      headers: { 'content-type': 'text/plain' },
    },
  },
  {
    name: 'a query is no part of its path',
    request: get(`${METRICS_PATH}?x=1`),
    expect: {
      status: 400,
      body: `Unexpected path: ${METRICS_PATH}?x=1. Should be ${METRICS_PATH}`,
    },
  },
  {
    name: 'upstream’s own path is not there then',
    request: get('/monitoring/prometheus/metrics'),
    expect: { status: 404, contains: ['<H1>Not Found</H1>'] },
  },
]

const TIMEOUT_CASES: readonly RestCase[] = [
  {
    name: 'a request that takes too long',
    request: post('sleepy:predict', '{"inputs":60000}'),
    expect: { status: 504, contains: ['"error": '] },
  },
  {
    name: 'another model',
    request: post('default:predict', '{"instances":["x"]}'),
    expect: { status: 400, contains: ['float'] },
  },
  {
    name: 'an error is written as ever',
    request: get('/v1/models/half'),
    expect: { status: 404, body: error('Could not find any versions of model half') },
  },
]

/** Cases for a server with those flags; the first group makes what the second counts. */
export const FLAG_CASES: Readonly<Record<string, readonly RestCase[]>> = {
  'CORS headers': CORS_CASES,
  'metrics page': METRICS_CASES,
  'time for a request': TIMEOUT_CASES,
}
