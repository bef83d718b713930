import { expect, test } from 'vitest'
import { parsePredictBody, predictBodySteps } from './predict-json.ts'
import type { DataType } from './element-types.ts'
import { stringTensor, type Tensor, type TensorInfo } from './tensor.ts'

const info = (dtype: DataType): TensorInfo => ({ name: 'n:0', dtype, shape: undefined })
const infosOf = (types: Record<string, DataType>) =>
  Object.fromEntries(Object.entries(types).map(([alias, dtype]) => [alias, info(dtype)]))
const read = (text: string, types: Record<string, DataType> = { x: 'DT_FLOAT' }) =>
  parsePredictBody(Buffer.from(text)).readInputs(infosOf(types))

/** The value that `{x}` gets from a row. */
const readRow = (rows: string, dtype: DataType): Tensor | undefined =>
  read(`{"instances":${rows}}`, { x: dtype }).inputs['x']

const readings: [string, DataType, string, number[], number[]][] = [
  ['case 64', 'DT_FLOAT', '[1, 2.0, 3, 4, 5.003, 0.007, 0.0]', [7], [1, 2, 3, 4, 5.003, 0.007, 0]],
  ['case 66', 'DT_FLOAT', '[1.797e308, -1.797e308]', [2], [Infinity, -Infinity]],
  ['case 67', 'DT_FLOAT', '[2.2e-308, -2.2e-308]', [2], [0, -0]],
  ['case 69', 'DT_FLOAT', '[[1.797e308], [-1.797e308]]', [2, 1], [Infinity, -Infinity]],
  ['case 71', 'DT_FLOAT', '[NaN, Infinity, -Inf, -NaN]', [4], [NaN, Infinity, -Infinity, NaN]],
  ['minus zero', 'DT_DOUBLE', '[-0, -0.0]', [2], [0, -0]],
  [
    'doubles',
    'DT_DOUBLE',
    '[0.1, 1e308, 123456789012345678]',
    [3],
    [0.1, 1e308, 123456789012345680],
  ],
  ['int32', 'DT_INT32', '[2147483647, -2147483648]', [2], [2147483647, -2147483648]],
  ['bool', 'DT_BOOL', '[true, false]', [2], [1, 0]],
  ['empty lists', 'DT_FLOAT', '[[], []]', [2, 0], []],
  // The range of narrow types is not looked at: the low bits stay.
  ['uint8', 'DT_UINT8', '[0, 255, 256, -1, 2147483647]', [5], [0, 255, 0, 255, 255]],
  ['int8', 'DT_INT8', '[-128, 127, 128, 255]', [4], [-128, 127, -128, -1]],
  ['int16', 'DT_INT16', '[-32768, 32768, 65536]', [3], [-32768, -32768, 0]],
  ['uint32', 'DT_UINT32', '[0, 4294967295]', [2], [0, 4294967295]],
  ['halves of which there are none', 'DT_HALF', '[[], []]', [2, 0], []],
  ['uint16 of which there are none', 'DT_UINT16', '[[[]]]', [1, 1, 0], []],
]
test.each(readings)('%s: %s from %s', (_name, dtype, rows, shape, values) => {
  const tensor = readRow(rows, dtype)

  expect(tensor).toMatchObject({ dtype, shape })
  const round = dtype === 'DT_FLOAT' ? Math.fround : Number
  expect([...(tensor?.values ?? [])]).toEqual(values.map(round))
})

test('an int64 keeps all its digits', () => {
  const tensor = readRow(
    '[9007199254740993, -9223372036854775808, 9223372036854775807]',
    'DT_INT64',
  )

  expect(tensor?.values).toEqual(BigInt64Array.of(9007199254740993n, -(2n ** 63n), 2n ** 63n - 1n))
})

test('a uint64 keeps all its digits', () => {
  const tensor = readRow('[0, 9223372036854775808, 18446744073709551615]', 'DT_UINT64')

  expect(tensor?.values).toEqual(BigUint64Array.of(0n, 2n ** 63n, 2n ** 64n - 1n))
})

test('strings are texts with escapes, or base64', () => {
  const rows = String.raw`["ä\u00e4\ud83d\ude00\n", {"b64": "_w=="}]`.replace('_', '/')

  const tensor = readRow(rows, 'DT_STRING')

  const [text, bytes] = tensor?.dtype === 'DT_STRING' ? tensor.values : []
  expect(Buffer.from(text ?? []).toString()).toBe('ää😀\n')
  expect(bytes).toEqual(Uint8Array.of(0xff))
})

test('case 72: a column, named or not', () => {
  const tensor = { shape: [1, 3, 2], values: Int32Array.of(1, 2, 3, 4, 5, 6) }
  const types = { int_tensor: 'DT_INT32' } as const

  const named = read('{"inputs":{"int_tensor":[[[1,2],[3,4],[5,6]]],"more":1}}', types)
  const plain = read('{"inputs":[[[1,2],[3,4],[5,6]]]}', types)

  expect(named).toMatchObject({ format: 'column', inputs: { int_tensor: tensor } })
  expect(plain).toEqual(named)
})

test('a scalar column has no dimension', () => {
  expect(read('{"inputs": 3}').inputs['x']?.shape).toEqual([])
})

test('rows of several inputs, their keys in any order', () => {
  const body = '{"instances":[{"a":1,"b":["x"]},{"b":["y"],"a":2}]}'

  const { format, inputs } = read(body, { a: 'DT_INT64', b: 'DT_STRING' })

  expect(format).toBe('row')
  expect(inputs['a']).toEqual({ dtype: 'DT_INT64', shape: [2], values: BigInt64Array.of(1n, 2n) })
  expect(inputs['b']?.shape).toEqual([2, 1])
})

test('names that an object has of itself are ordinary names', () => {
  const { inputs } = read('{"instances":[{"__proto__":1}]}', { ['__proto__']: 'DT_FLOAT' })

  expect(Object.keys(inputs)).toEqual(['__proto__'])
})

test('case 61: what is not asked for may be as deep as it likes', () => {
  const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`
  expect(read(`{"instances":[1],"nested":${deep}}`).inputs['x']?.shape).toEqual([1])
})

test('of a key that comes twice the first counts', () => {
  const body = parsePredictBody(Buffer.from('{"signature_name":"a","signature_name":1}'))
  expect(body.signatureName).toBe('a')
})

test.each([
  ['a row', '{"instances":[{"x":1,"x":2},{"x":3},{"x":4,"x":5,"x":6}]}', [1, 3, 4]],
  ['a row of a list', '{"instances":[{"x":[1,2],"x":[3,4]},{"x":[5,6]}]}', [1, 2, 5, 6]],
  ['a column', '{"inputs":{"x":[1],"x":"never looked at"}}', [1]],
  ['the body', '{"inputs":[1],"inputs":"never looked at"}', [1]],
])('of an input that comes twice in %s the first counts', (_, text, values) => {
  for (const dtype of ['DT_FLOAT', 'DT_INT64'] as const)
    expect(Array.from(read(text, { x: dtype }).inputs['x']?.values ?? [], Number)).toEqual(values)
})

test('of a string that comes twice the first counts', () => {
  const { inputs } = read('{"instances":[{"x":"a","x":"b"},{"x":"c"}]}', { x: 'DT_STRING' })

  expect(inputs['x']).toEqual({
    dtype: 'DT_STRING',
    shape: [2],
    values: ['a', 'c'].map((text) => Buffer.from(text)),
  })
})

test('base64 in a plain list is all for the first of several inputs', () => {
  const types = { a: 'DT_STRING', b: 'DT_STRING' } as const

  const { inputs } = read('{"instances":[{"b64":"YQ=="},"b"]}', types)

  expect(Object.keys(inputs)).toEqual(['a'])
})

test('case 62: a signature of half a million levels is refused', () => {
  const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`
  expect(() => read(`{"signature_name":${deep}}`)).toThrow('key must be a string value')
})

test('strings survive in every place of a batch', () => {
  expect(readRow('[["a",""],["\\"","b"]]', 'DT_STRING')).toEqual({
    ...stringTensor(['a', '', '"', 'b'], [2, 2]),
    values: ['a', '', '"', 'b'].map((text) => Buffer.from(text)),
  })
})

test.each([
  ['rows of names', '{"instances":[{"a":1,"b":[1,2]},{"a":1,"b":[1,2]}]}'],
  ['columns', '{"inputs":{"a":[1,1],"b":[[1,2],[1,2]]}}'],
])('%s may bring so many values over all inputs, and no more', (_, text) => {
  const infos = infosOf({ a: 'DT_FLOAT', b: 'DT_FLOAT' })
  const body = parsePredictBody(Buffer.from(text))

  expect(body.readInputs(infos, { valuesMax: 6 }).inputs['b']?.shape).toEqual([2, 2])
  expect(() => body.readInputs(infos, { valuesMax: 5 })).toThrow(
    'A request may bring 5 values over all its inputs',
  )
})

test.each([
  ['rows', '[1e0,2,3]', 'instances'],
  ['rows of names', '{"x":[1e0,2,3],"x":[1,2,3]}', 'instances'],
  ['columns', '[1e0,2,3]', 'inputs'],
  ['texts', '{"b64":"YQ=="}', 'instances'],
])('%s are read with pauses, to the same end', (_, row, key) => {
  const bytes = Buffer.from(`{"more":0,"${key}":[${`${row},`.repeat(9_000)}${row}]}`)
  const infos = infosOf({ x: row.includes('b64') ? 'DT_STRING' : 'DT_FLOAT' })
  let pauses = 0
  const paused = <T>(steps: Iterator<unknown, T>): T => {
    for (;;) {
      const { done, value } = steps.next()
      if (done === true) return value
      pauses++
    }
  }

  const body = paused(predictBodySteps(bytes))
  const scanned = pauses
  const asked = paused(body.readSteps(infos))

  expect(asked).toEqual(parsePredictBody(bytes).readInputs(infos))
  expect(asked.inputs['x']?.shape[0]).toBe(9_001)
  expect(scanned).toBeGreaterThanOrEqual(9)
  expect(pauses - scanned).toBeGreaterThanOrEqual(9)
})
