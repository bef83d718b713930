import { expect, test } from 'vitest'
import { ServingError } from './errors.ts'
import { parsePredictBody } from './predict-json.ts'
import type { DataType } from './element-types.ts'
import type { TensorInfo } from './tensor.ts'

const info = (dtype: DataType): TensorInfo => ({ name: 'n:0', dtype, shape: undefined })
const infosOf = (types: Record<string, DataType>) =>
  Object.fromEntries(Object.entries(types).map(([alias, dtype]) => [alias, info(dtype)]))
const read = (text: string, types: Record<string, DataType>) =>
  parsePredictBody(Buffer.from(text)).readInputs(infosOf(types))

const two = { a: 'DT_FLOAT', b: 'DT_FLOAT' } as const
const refusals: [string, string, Record<string, DataType>, string][] = [
  [
    'case 46',
    'instances = [1, 2]',
    { x: 'DT_FLOAT' },
    'JSON Parse error: Invalid value. at offset: 0',
  ],
  ['no object', '[1]', { x: 'DT_FLOAT' }, 'JSON Value: [1] Is not object'],
  [
    'case 47',
    '{"instances":["x","y"]}',
    { x: 'DT_FLOAT' },
    `Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "x" Type: String is not of expected type: float`,
  ],
  [
    'case 49',
    '{"signature_name":100}',
    { x: 'DT_FLOAT' },
    `JSON Value: {\n    "signature_name": 100\n} not formatted correctly. 'signature_name' key must be a string value.`,
  ],
  ['case 52', '{}', { x: 'DT_FLOAT' }, "Missing 'inputs' or 'instances' key"],
  [
    'case 54',
    '{"instances":[[1,2],[3,4],[5,6,7]],"inputs":[1]}',
    { x: 'DT_FLOAT' },
    'Not formatted correctly expecting only one of',
  ],
  [
    'case 56',
    '{"instances":[[1,2],[3,4],[[5,6]]]}',
    { x: 'DT_FLOAT' },
    'Error: INVALID_ARGUMENT: Expecting shape [2] but got: [1,2]',
  ],
  [
    'case 57',
    '{"instances":[1,[1]]}',
    { x: 'DT_FLOAT' },
    `Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [] but got: [1]`,
  ],
  [
    'case 59',
    '{"instances":[{"a":1,"b":2},[1]]}',
    two,
    'Expecting object but got list at item 1 of input list',
  ],
  [
    'an object in a list',
    '{"instances":[1,{"x":1}]}',
    { x: 'DT_FLOAT' },
    'Expecting value/list but got object at item 1 of input list',
  ],
  [
    'another size',
    '{"instances":[[1,2],[3]]}',
    { x: 'DT_FLOAT' },
    'Expecting tensor size: 2 but got: 1',
  ],
  ['no signature input', '{"instances":[1]}', {}, 'Failed to get input map for signature: DEFAULT'],
  [
    'no list',
    '{"instances":1}',
    { x: 'DT_FLOAT' },
    `JSON Value: {\n    "instances": 1\n} Expecting 'instances' to be an list/array`,
  ],
  [
    'no instances',
    '{"instances":[]}',
    { x: 'DT_FLOAT' },
    `JSON Value: {\n    "instances": []\n} No values in 'instances' array`,
  ],
  [
    'a plain list for two',
    '{"instances":[1]}',
    two,
    'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
  ],
  [
    'a key too few',
    '{"instances":[{"a":1}]}',
    two,
    `Failed to process element: 0 of 'instances' list. JSON object: {\n    "a": 1\n} keys must be equal to: a,b`,
  ],
  ['no key', '{"instances":[{}]}', two, `keys must be equal to: a,b`],
  ['a key twice', '{"instances":[{"a":1,"a":2}]}', two, `keys must be equal to: a,b`],
  [
    'a key twice, of another shape',
    '{"instances":[{"a":1,"a":[2]}]}',
    { a: 'DT_FLOAT' },
    `Failed to process element: 0 key: a of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [] but got: [1]`,
  ],
  [
    'a key twice, of another type',
    '{"instances":[{"a":1},{"a":1,"a":"1"}]}',
    { a: 'DT_FLOAT' },
    `Failed to process element: 1 key: a of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "1" Type: String is not of expected type: float`,
  ],
  [
    'a half in a row',
    '{"instances":[[1.5]]}',
    { x: 'DT_HALF' },
    `Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: Conversion of JSON Value: 1.5 to type: half`,
  ],
  [
    'an object as a half',
    '{"inputs":[{"b64":"AA=="}]}',
    { x: 'DT_HALF' },
    'Type: Object is not of expected type: half',
  ],
  [
    'past uint32',
    '{"inputs":4294967296}',
    { x: 'DT_UINT32' },
    'JSON Value: 4294967296 Type: Number is not of expected type: uint32',
  ],
  [
    'below uint64',
    '{"inputs":-1}',
    { x: 'DT_UINT64' },
    'JSON Value: -1 Type: Number is not of expected type: uint64',
  ],
  [
    'past uint64',
    '{"inputs":18446744073709551616}',
    { x: 'DT_UINT64' },
    'Type: Number is not of expected type: uint64',
  ],
  [
    'past int32 for a narrow type',
    '{"inputs":2147483648}',
    { x: 'DT_INT8' },
    'JSON Value: 2147483648 Type: Number is not of expected type: int8',
  ],
  [
    'another key',
    '{"instances":[{"a":1,"c":1}]}',
    two,
    `Failed to process element: 0 key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: c`,
  ],
  [
    'a key of Object',
    '{"instances":[{"toString":1}]}',
    { x: 'DT_FLOAT' },
    'does not have named input: toString',
  ],
  [
    'a plain column for two',
    '{"inputs":[1]}',
    two,
    'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
  ],
  ['a column too few', '{"inputs":{"a":1}}', two, "Missing named input: b in 'inputs' object."],
  [
    'ragged',
    '{"inputs":[[1,2],[3]]}',
    { x: 'DT_FLOAT' },
    'Encountered list at unexpected size: 1 at level: 1 expected size: 2',
  ],
  [
    'too flat',
    '{"inputs":[[1,2],3]}',
    { x: 'DT_FLOAT' },
    'JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2',
  ],
  [
    'too deep',
    '{"inputs":[1,[2]]}',
    { x: 'DT_FLOAT' },
    'Encountered list at unexpected level: 1 expected < 1',
  ],
  [
    '1.0 is no integer',
    '{"inputs":[1.0]}',
    { x: 'DT_INT32' },
    'JSON Value: 1.0 Type: Number is not of expected type: int32',
  ],
  [
    'past int32',
    '{"inputs":2147483648}',
    { x: 'DT_INT32' },
    'JSON Value: 2147483648 Type: Number is not of expected type: int32',
  ],
  [
    'past int64',
    '{"inputs":9223372036854775808}',
    { x: 'DT_INT64' },
    'JSON Value: 9223372036854775808 Type: Number is not of expected type: int64',
  ],
  [
    'NaN is no integer',
    '{"inputs":NaN}',
    { x: 'DT_INT64' },
    'Type: Number is not of expected type: int64',
  ],
  [
    '1 is no bool',
    '{"inputs":1}',
    { x: 'DT_BOOL' },
    'JSON Value: 1 Type: Number is not of expected type: bool',
  ],
  [
    'null',
    '{"inputs":null}',
    { x: 'DT_DOUBLE' },
    'JSON Value: null Type: Null is not of expected type: double',
  ],
  [
    'a number is no string',
    '{"inputs":1}',
    { x: 'DT_STRING' },
    'JSON Value: 1 Type: Number is not of expected type: string',
  ],
  [
    'b64 of a float',
    '{"inputs":[{"b64":"AA=="}]}',
    { x: 'DT_FLOAT' },
    'Type: Object is not of expected type: float',
  ],
  [
    'no b64',
    '{"inputs":[{"b65":"AA=="}]}',
    { x: 'DT_STRING' },
    'not formatted correctly for base64 data',
  ],
  ['bad b64', '{"inputs":{"b64":"?"}}', { x: 'DT_STRING' }, 'Unable to base64 decode'],
  ['short b64', '{"inputs":{"b64":"AAAAA"}}', { x: 'DT_STRING' }, 'Unable to base64 decode'],
  [
    'too many dimensions',
    `{"inputs":${'['.repeat(300)}1${']'.repeat(300)}}`,
    { x: 'DT_FLOAT' },
    'A tensor has more than 254 dimensions',
  ],
]
const unable: [DataType, string][] = [
  ['DT_HALF', 'half'],
  ['DT_BFLOAT16', 'bfloat16'],
  ['DT_UINT16', 'uint16'],
  ['DT_COMPLEX64', 'complex64'],
  ['DT_COMPLEX128', 'complex128'],
]
test.each(unable)('a column of %s is UNIMPLEMENTED', (dtype, name) => {
  expect(() => read('{"inputs":["a"]}', { x: dtype })).toThrow(
    new ServingError('UNIMPLEMENTED', `Conversion of JSON Value: "a" to type: ${name}`),
  )
  expect(() => read('{"inputs":[true]}', { x: dtype })).toThrow(
    expect.objectContaining({ code: 'UNIMPLEMENTED' }),
  )
})

test('a type of which no tensor comes here is UNIMPLEMENTED as well', () => {
  const infos = { x: { name: 'x:0', dtype: 'DT_QINT8', shape: undefined } } as const
  const ask = (text: string) => () => parsePredictBody(Buffer.from(text)).readInputs(infos)

  expect(ask('{"inputs":[1]}')).toThrow('Conversion of JSON Value: 1 to type: qint8')
  expect(ask('{"inputs":[]}')).toThrow(expect.objectContaining({ code: 'UNIMPLEMENTED' }))
})

test.each(refusals)('%s: %s is refused', (_name, text, types, message) => {
  const ask = () => read(text, types)

  expect(ask).toThrow(ServingError)
  expect(ask).toThrow(message)
})
