import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPlainBody } from './plain-body.ts'
import { parsePredictBody } from './predict-json.ts'

const read = (text: string) => readPlainBody(Buffer.from(text))
const infos = { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: undefined } } as const

const plain: [string, string, 'row' | 'column', number[], number[]][] = [
  ['a list', '{"instances":[1.0,2.5,-5]}', 'row', [3], [1, 2.5, -5]],
  ['lists', '{"instances": [[1, 2], [3, 4]]}', 'row', [2, 2], [1, 2, 3, 4]],
  ['a column', '{"inputs":[[[1],[2]]]}', 'column', [1, 2, 1], [1, 2]],
  ['blanks', ' {\n"inputs" :\t[ [ 1 , 2\r] , [3,4 ] ] } ', 'column', [2, 2], [1, 2, 3, 4]],
  ['what follows the body', '{"inputs":[1]} and more', 'column', [1], [1]],
  ['zeros', '{"inputs":[0,-0,-0.0,0e9,-0E-9]}', 'column', [5], [0, 0, -0, 0, -0]],
  ['exponents', '{"inputs":[1e3,1.5E+2,-25e-1]}', 'column', [3], [1000, 150, -2.5]],
  [
    'what does not fit a float',
    '{"inputs":[1e39,-1e300,1e-46]}',
    'column',
    [3],
    [Infinity, -Infinity, 0],
  ],
]
test.each(plain)('%s: %s is plain', (_, text, format, shape, values) => {
  const body = read(text)

  expect(body).toMatchObject({ signatureName: '', format, shape })
  expect([...(body?.values ?? [])]).toEqual(values)
})

test.each([
  '{"signature_name":"serving_default","instances":[1]}',
  '{"instances":[1] , "signature_name" : "serving_default" }',
])('%s names its signature', (text) => {
  expect(read(text)).toMatchObject({ signatureName: 'serving_default', shape: [1] })
})

test.each([
  '',
  '{',
  '{}',
  '[1]',
  '\ufeff{"inputs":[1]}',
  '{"inputs":1}',
  '{"inputs":[]}',
  '{"inputs":[[],[]]}',
  '{"inputs":[[1,2],[3]]}',
  '{"inputs":[[1],2]}',
  '{"inputs":[1,[2]]}',
  '{"inputs":[[[1]],[2]]}',
  '{"inputs":[1,]}',
  '{"inputs":[1 2]}',
  '{"inputs":[,1]}',
  '{"inputs":[1]',
  '{"inputs":[1],}',
  '{"inputs":[1],"inputs":[2]}',
  '{"inputs":[1],"instances":[2]}',
  '{"inputs":[1],"more":2}',
  '{"signature_name":"a"}',
  '{"signature_name":1,"inputs":[1]}',
  '{"signature_name":"a","signature_name":"b","inputs":[1]}',
  String.raw`{"signature_name":"\u0061","inputs":[1]}`,
  '{"signature_name":"ä","inputs":[1]}',
  '{"Inputs":[1]}',
  '{"inputs":["1"]}',
  '{"inputs":[{"x":1}]}',
  ...[
    '01',
    '-01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    '1e+',
    '1.e5',
    'NaN',
    'Infinity',
    'true',
    '0x1',
    '--1',
    '1.2.3',
    '1e999',
    '1'.repeat(400),
  ].map((number) => `{"inputs":[${number}]}`),
])('%s is left to the general reader', (text) => {
  expect(read(text)).toBeUndefined()
})

test('a body of more than a slab holds has its values to itself', () => {
  const values = Array.from({ length: 100_000 }, (_, index) => index / 8)

  const body = read(`{"instances":${JSON.stringify(values)}}`)

  expect(body?.values).toEqual(Float32Array.from(values))
  expect(body?.values.buffer.byteLength).toBe(400_000)
})

test('a body of more than a megabyte is left to the general reader', () => {
  expect(read(`{"instances":[1${' '.repeat(2 ** 20)}]}`)).toBeUndefined()
})

test('values stay what they are while other bodies are read', () => {
  const bodies = Array.from({ length: 500 }, (_, index) =>
    Array.from({ length: 1 + (index % 700) }, (_each, at) => index + at / 4),
  )

  const found = bodies.map((values) => read(`{"inputs":${JSON.stringify(values)}}`)?.values)

  expect(found).toEqual(bodies.map((values) => Float32Array.from(values)))
})

/** A stream of 32-bit numbers (xorshift). */
function bitsFrom(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

const double = new DataView(new ArrayBuffer(8))
/** Texts of numbers that are hard to round: each kind has its own way to go wrong. */
const kinds: Record<string, (bits: () => number) => string> = {
  'short decimals': (bits) => `${(bits() % 1e6) / 10 ** (bits() % 7)}`,
  'up to nineteen digits': (bits) => {
    const digits = `${bits()}${bits()}`.slice(0, 1 + (bits() % 19)).replace(/^0+(?=.)/, '')
    const point = bits() % (digits.length + 1)
    return point === 0 ? `0.${digits}` : `${digits.slice(0, point)}.${digits.slice(point)}0`
  },
  'small ones with zeros before': (bits) => `0.${'0'.repeat(bits() % 12)}${bits()}`,
  'floats by their bits': (bits) => {
    double.setUint32(0, bits())
    return text(double.getFloat32(0))
  },
  'doubles by their bits': (bits) => {
    double.setUint32(0, (bits() % 0x20000000) + 0x30000000)
    double.setUint32(4, bits())
    return text(double.getFloat64(0))
  },
  'doubles beside the middle of two floats': (bits) => {
    double.setUint32(0, (bits() % 0x0e000000) + 0x38000000)
    const [high, low] = [double.getUint32(0), 0x10000000 + (bits() % 5) - 2]
    double.setUint32(0, high)
    double.setUint32(4, ((bits() % 8) << 29) | low)
    const value = double.getFloat64(0)
    return bits() % 2 === 0 ? text(value) : value.toFixed(Math.min(100, bits() % 30))
  },
  'with exponents': (bits) => `${bits()}.${bits()}e${(bits() % 120) - 60}`,
  'too small for a float': (bits) => `${bits()}e-${45 + (bits() % 10)}`,
  'long integers': (bits) => `${1 + bits()}${bits()}${bits()}`.slice(0, 1 + (bits() % 30)),
}
const text = (value: number): string => (Number.isFinite(value) ? `${value}` : '0')

describe.each(Object.entries(kinds))('%s', (_, make) => {
  test('are the nearest doubles, rounded to floats', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const bits = bitsFrom(seed)
        const texts = Array.from({ length: 2_000 }, () =>
          make(bits).replace(/^-?/, bits() % 2 === 0 ? '' : '-'),
        )

        const values = read(`{"inputs":[${texts.join()}]}`)?.values

        const wrong = texts.filter((each, at) => !Object.is(values?.[at], floatOf(each)))
        expect(wrong).toEqual([])
      }),
      { numRuns: 30 },
    )
  })
})

/** The integer -0 is 0. */
const floatOf = (number: string): number => (number === '-0' ? 0 : Math.fround(Number(number)))

const bodies = fc
  .record({
    key: fc.constantFrom('instances', 'inputs'),
    rows: fc.array(fc.array(fc.double().map(text), { minLength: 2, maxLength: 2 }), {
      minLength: 1,
      maxLength: 3,
    }),
    name: fc.constantFrom('', '"signature_name":"a",'),
  })
  .map(
    ({ key, rows, name }) => `{${name}"${key}":[${rows.map((row) => `[${row.join()}]`).join()}]}`,
  )
const mutations = fc.array(
  fc.record({
    at: fc.nat({ max: 80 }),
    put: fc.constantFrom(...Array.from('[]{},:"-+.e0159 N'), ''),
  }),
  { maxLength: 3 },
)

test('what is plain is the same to the general reader', () => {
  let found = 0
  fc.assert(
    fc.property(bodies, mutations, (whole, changes) => {
      const changed = changes.reduce(
        (body, { at, put }) => `${body.slice(0, at)}${put}${body.slice(at + 1)}`,
        whole,
      )
      const body = read(changed)
      if (body === undefined) return
      found++

      const general = parsePredictBody(Buffer.from(changed.replace('{', '{"more":0,')))

      const { format, inputs } = general.readInputs(infos)
      expect({ format, name: general.signatureName }).toEqual({
        format: body.format,
        name: body.signatureName,
      })
      expect(inputs['x']).toEqual({ dtype: 'DT_FLOAT', shape: body.shape, values: body.values })
    }),
    { numRuns: 5_000 },
  )
  expect(found).toBeGreaterThan(500)
})

test('a plain body of another type or with more inputs is read all the same', () => {
  const body = parsePredictBody(Buffer.from('{"instances":[[1,2],[3,4]]}'))

  const longs = body.readInputs({ x: { ...infos.x, dtype: 'DT_INT64' } })
  expect(longs.inputs['x']?.values).toEqual(BigInt64Array.of(1n, 2n, 3n, 4n))
  expect(() => body.readInputs({ ...infos, y: infos.x })).toThrow('instances is a plain list')
  expect(() => body.readInputs(infos, { valuesMax: 3 })).toThrow('may bring 3 values')
  expect(() => body.readInputs({})).toThrow('Failed to get input map')
})
