// Every element type, in and out: which JSON it takes, and how it is written.
// The model `types` has a signature for each: `x` in, `y` out, the same tensor.

import {
  answered,
  error,
  post,
  refused,
  refusedWith,
  type RestCase,
  type RestRequest,
  written,
} from './case.ts'

const rows = (type: string, values: string): RestRequest =>
  post('types:predict', `{"signature_name":"${type}","instances":${values}}`)
const columns = (type: string, values: string): RestRequest =>
  post('types:predict', `{"signature_name":"${type}","inputs":${values}}`)

/** What comes back in rows for these values; one line, as it is written. */
const kept = (type: string, values: string, back = values): RestCase =>
  written(
    `${type} ${values}`,
    rows(type, `[${values}]`),
    `{\n    "predictions": [${back}\n    ]\n}`,
  )

const misfit = (type: string, value: string, kind: string, expected = type): RestCase =>
  refused(
    `${type} takes no ${value}`,
    columns(type, `[${value}]`),
    `JSON Value: ${value} Type: ${kind} is not of expected type: ${expected}`,
  )

const INT64 = '-9223372036854775808, 9223372036854775807, 9007199254740993'

/** What each type takes. */
export const TYPES: readonly RestCase[] = [
  kept('int8', '-128, 0, 127'),
  kept('int16', '-32768, 0, 32767'),
  kept('int32', '-2147483648, 0, 2147483647'),
  kept('int64', INT64),
  kept('uint8', '0, 255'),
  kept('uint32', '0, 4294967295'),
  kept('uint64', '0, 18446744073709551615, 9007199254740993'),
  kept('bool', 'true, false'),
  kept('string', '"a", "", "ü€\u{1f600}"'),
  kept('float', '1.5, -0.25'),
  kept('double', '0.1, 1e+100'),
  written(
    'int64 in columns, exactly',
    columns('int64', `[${INT64}]`),
    '{\n    "outputs": [\n        -9223372036854775808,\n        9223372036854775807,\n        9007199254740993\n    ]\n}',
  ),
  misfit('float', '"1"', 'String'),
  misfit('float', 'true', 'True'),
  misfit('float', 'null', 'Null'),
  misfit('double', 'false', 'False'),
  misfit('int32', '1.0', 'Number', 'int32'),
  misfit('int32', '2147483648', 'Number', 'int32'),
  misfit('int8', '1.5', 'Number', 'int8'),
  misfit('int64', '1.0', 'Number', 'int64'),
  misfit('int64', '9223372036854775808', 'Number', 'int64'),
  misfit('uint32', '-1', 'Number', 'uint32'),
  misfit('uint32', '4294967296', 'Number', 'uint32'),
  misfit('uint64', '-1', 'Number', 'uint64'),
  misfit('bool', '1', 'Number', 'bool'),
  misfit('string', '1', 'Number', 'string'),
  misfit('string', 'true', 'True', 'string'),
  ...['half', 'bfloat16', 'uint16', 'complex64', 'complex128'].flatMap((type): RestCase[] => [
    {
      name: `${type} is not taken in columns`,
      request: columns(type, '[1]'),
      expect: { status: 501, body: error(`Conversion of JSON Value: 1 to type: ${type}`) },
    },
    refusedWith(`${type} is not taken in rows`, rows(type, '[1]'), [
      `Conversion of JSON Value: 1 to type: ${type}`,
    ]),
  ]),
  refusedWith(
    'what is no JSON is not written',
    post('types:predict', '{"signature_name":"to_half","inputs":[1.0]}'),
    ['Failed to write JSON value for tensor type: half'],
  ),
]

const floats = (values: string, back: string): RestCase => kept('float', values, back)

/** Floating numbers, in and out. */
export const FLOATS: readonly RestCase[] = [
  floats(
    '9000000, 999999, 0.5, 0.0003, 0.00003, 555557.5',
    '9e+06, 999999.0, 0.5, 0.0003, 3e-05, 555557.5',
  ),
  floats('NaN, Infinity, 3, -Infinity', 'NaN, Infinity, 3.0, -Infinity'),
  floats('Inf, -Inf', 'Infinity, -Infinity'),
  floats('1.797e308, -1.797e308', 'Infinity, -Infinity'),
  floats('2.2e-308, -2.2e-308', '0.0, -0.0'),
  floats('0.1, 0.333333343, 1000000, 16777216', '0.1, 0.333333343, 1e+06, 16777216.0'),
  floats('3.4028235e38, 1e-45, 1.17549435e-38', '3.40282347e+38, 1.4013e-45, 1.17549435e-38'),
  floats('-0, -0.0, 0', '0.0, -0.0, 0.0'),
  floats('1e10, 123456.7, 0.0001, 100000', '1e+10, 123456.703, 0.0001, 100000.0'),
  kept(
    'double',
    '0.1, 0.3333333333333333, 1e22, 123456789',
    '0.1, 0.33333333333333331, 1e+22, 123456789.0',
  ),
  kept('double', 'NaN, -Infinity', 'NaN, -Infinity'),
  kept(
    'double',
    '9007199254740993, 5e-324, 1.7976931348623157e308',
    '9007199254740992.0, 4.94066e-324, 1.7976931348623157e+308',
  ),
  refused(
    'a number beyond double',
    rows('double', '[1e400]'),
    'JSON Parse error: Number too big to be stored in double. at offset: 40',
  ),
]

/** Texts and bytes. */
export const TEXTS: readonly RestCase[] = [
  kept('string', '{"b64":"YWJj"}', '"abc"'),
  kept('string', '{"b64":""}', '""'),
  kept('string', '"a\\u0062\\n\\"\\\\\\/"', '"ab\\n\\"\\\\/"'),
  kept('string', '"\\ud83d\\ude00"', '"\u{1f600}"'),
  kept(
    'bytes',
    '"abc", {"b64":"/wD+"}',
    '{\n            "b64": "YWJj"\n        }, {\n            "b64": "/wD+"\n        }',
  ),
  answered('bytes in columns', columns('bytes', '[{"b64":"/wD+"}]'), {
    outputs: [{ b64: '/wD+' }],
  }),
  answered('bytes for the one input', columns('bytes', '{"b64":"YWJj"}'), {
    outputs: { b64: 'YWJj' },
  }),
  refusedWith('what is not base64', columns('string', '[{"b64":"*"}]'), ['base64 decode']),
  refusedWith('base64 for a number', columns('float', '[{"b64":"YWJj"}]'), [
    'is not of expected type: float',
  ]),
  refusedWith('an object that is not base64', rows('string', '[["a"],[{"c64":"YWJj"}]]'), [
    'not formatted correctly for base64 data',
  ]),
]

/** How answers are laid out, byte for byte. */
export const LAYOUT: readonly RestCase[] = [
  written(
    'rows',
    post('default:predict', '{"instances":[1.0,2.0,5.0]}'),
    '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}',
  ),
  written(
    'rows of rows',
    post('default:predict', '{"instances":[[1.0,2.0],[5.0,6.0]]}'),
    '{\n    "predictions": [[2.5, 3.0], [4.5, 5.0]\n    ]\n}',
  ),
  written(
    'columns',
    post('default:predict', '{"inputs":[2.0,3.0]}'),
    '{\n    "outputs": [\n        3.0,\n        3.5\n    ]\n}',
  ),
  written(
    'columns of columns',
    post('default:predict', '{"inputs":[[2.0],[3.0]]}'),
    '{\n    "outputs": [\n        [\n            3.0\n        ],\n        [\n            3.5\n        ]\n    ]\n}',
  ),
  written('a scalar', post('scalars:predict', '{"inputs":2}'), '{\n    "outputs": 4.0\n}'),
  written('no rows', post('default:predict', '{"inputs":[]}'), '{\n    "outputs": []\n}'),
  written(
    'no rows to a zero batch',
    post('none:predict', '{"instances":[1.0,2.0]}'),
    '{\n    "predictions": []\n}',
  ),
  {
    name: 'several outputs in rows',
    request: post('pair:predict', '{"instances":[{"a":1,"b":1}]}'),
    expect: {
      status: 200,
      contains: [
        '{\n    "predictions": [\n        {\n            "',
        '": 2.0',
        '\n        }\n    ]\n}',
      ],
    },
  },
]
