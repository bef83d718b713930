import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { predictAnswerSteps, type PredictFormat, writePredictAnswer } from './answer-json.ts'
import { DATA_TYPES, partsOf } from './element-types.ts'
import { errorBody, ServingError } from './errors.ts'
import { decodeTensor } from './golden.ts'
import { floatText } from './number-text.ts'
import { floatTensor, stringTensor, type Tensor } from './tensor.ts'

const ints: Tensor = {
  dtype: 'DT_INT32',
  shape: [2, 3, 2],
  values: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2),
}
const answers: [string, Record<string, Tensor>, 'row' | 'column', string][] = [
  [
    'case 9: one output of scalars',
    { y: floatTensor([2.5, 3, 4.5]) },
    'row',
    '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}',
  ],
  [
    'case 7: one output as a column',
    { y: floatTensor([3.5, 4]) },
    'column',
    '{\n    "outputs": [\n        3.5,\n        4.0\n    ]\n}',
  ],
  [
    'case 74: deep rows stay on one line',
    { y: ints },
    'row',
    '{\n    "predictions": [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 0], [1, 2]]\n    ]\n}',
  ],
  [
    'case 82: several outputs are objects',
    { a: floatTensor([1, 2, 3, 4], [2, 2]), b: floatTensor([7, 8]) },
    'row',
    `{
    "predictions": [
        {
            "a": [1.0, 2.0],
            "b": 7.0
        },
        {
            "a": [3.0, 4.0],
            "b": 8.0
        }
    ]
}`,
  ],
  [
    'case 82: several outputs as columns, of any shape',
    { a: floatTensor([1, 2, 3, 4], [2, 2]), b: floatTensor([7], []), c: floatTensor([]) },
    'column',
    `{
    "outputs": {
        "a": [
            [
                1.0,
                2.0
            ],
            [
                3.0,
                4.0
            ]
        ],
        "b": 7.0,
        "c": []
    }
}`,
  ],
  ['case 81: no rows', { y: floatTensor([], [0, 2]) }, 'row', '{\n    "predictions": []\n}'],
  [
    'rows without elements',
    { y: floatTensor([], [2, 0]) },
    'row',
    '{\n    "predictions": [[], []\n    ]\n}',
  ],
  ['a scalar column', { y: floatTensor([1], []) }, 'column', '{\n    "outputs": 1.0\n}'],
  [
    'bytes',
    { y_bytes: stringTensor(['a', 'bc']) },
    'row',
    `{
    "predictions": [{
            "b64": "YQ=="
        }, {
            "b64": "YmM="
        }
    ]
}`,
  ],
  [
    'strings, escaped',
    { y: stringTensor(['"\\/\n\u0001ä']) },
    'row',
    '{\n    "predictions": ["\\"\\\\/\\n\\u0001ä"\n    ]\n}',
  ],
  [
    'int64 and bool',
    {
      a: { dtype: 'DT_INT64', shape: [1], values: BigInt64Array.of(-(2n ** 63n)) },
      b: { dtype: 'DT_BOOL', shape: [1], values: Uint8Array.of(1) },
    },
    'row',
    `{
    "predictions": [
        {
            "a": -9223372036854775808,
            "b": true
        }
    ]
}`,
  ],
]
test.each(answers)('%s', (_name, outputs, format, text) => {
  expect(writePredictAnswer(outputs, format).toString()).toBe(text)
})

const integers: [Tensor, string][] = [
  [{ dtype: 'DT_UINT8', shape: [2], values: Uint8Array.of(0, 255) }, '0, 255'],
  [{ dtype: 'DT_INT8', shape: [2], values: Int8Array.of(-128, 127) }, '-128, 127'],
  [{ dtype: 'DT_INT16', shape: [2], values: Int16Array.of(-32768, 32767) }, '-32768, 32767'],
  [{ dtype: 'DT_UINT32', shape: [1], values: Uint32Array.of(4294967295) }, '4294967295'],
  [
    { dtype: 'DT_UINT64', shape: [1], values: BigUint64Array.of(2n ** 64n - 1n) },
    '18446744073709551615',
  ],
  [{ dtype: 'DT_BOOL', shape: [2], values: Uint8Array.of(1, 0) }, 'true, false'],
]
test.each(integers)('$dtype is written exactly', (y, text) => {
  expect(writePredictAnswer({ y }, 'row').toString()).toBe(
    `{\n    "predictions": [${text}\n    ]\n}`,
  )
})

const silent = {
  DT_HALF: 'half',
  DT_BFLOAT16: 'bfloat16',
  DT_UINT16: 'uint16',
  DT_COMPLEX64: 'complex64',
  DT_COMPLEX128: 'complex128',
} as const
test.each(DATA_TYPES.filter((dtype) => dtype in silent))('%s cannot be written', (dtype) => {
  const encoded = { dtype, shape: [1], values: Array.from({ length: partsOf(dtype) }, () => 1) }
  const name = Object.entries(silent).find(([key]) => key === dtype)?.[1]

  for (const format of ['row', 'column'] as const)
    expect(() => writePredictAnswer({ y: decodeTensor(encoded) }, format)).toThrow(
      new ServingError('INVALID_ARGUMENT', `Failed to write JSON value for tensor type: ${name}`),
    )
})

test('of such a type a tensor without elements can be written', () => {
  const y: Tensor = { dtype: 'DT_HALF', shape: [1, 0], values: new Uint16Array() }

  expect(writePredictAnswer({ y }, 'row').toString()).toBe('{\n    "predictions": [[]\n    ]\n}')
})

test('rows of floats are the texts of the floats, whichever they are', () => {
  const bits = fc.uint8Array({ minLength: 24, maxLength: 24 })
  const some = fc.oneof(
    bits.map((bytes) => new Float32Array(Uint8Array.from(bytes).buffer)),
    fc.array(fc.float(), { minLength: 6, maxLength: 6 }).map((all) => Float32Array.from(all)),
    fc
      .array(fc.integer({ min: -1e7, max: 1e7 }), { minLength: 6, maxLength: 6 })
      .chain((all) => fc.nat(9).map((places) => all.map((digits) => digits / 10 ** places)))
      .map((all) => Float32Array.from(all)),
  )
  fc.assert(
    fc.property(some, (values) => {
      const [a, b, c, d, e, f] = Array.from(values, floatText)

      const flat = writePredictAnswer({ y: floatTensor(values) }, 'row').toString()
      const deep = writePredictAnswer({ y: floatTensor(values, [1, 3, 2]) }, 'row').toString()

      expect(flat).toBe(`{\n    "predictions": [${[a, b, c, d, e, f].join(', ')}\n    ]\n}`)
      expect(deep).toBe(
        `{\n    "predictions": [[[${a}, ${b}], [${c}, ${d}], [${e}, ${f}]]\n    ]\n}`,
      )
    }),
    { numRuns: 2_000 },
  )
})

test('a string that is no UTF-8 passes byte for byte', () => {
  const values = [Uint8Array.of(0xff, 0x00, 0x41)]

  const body = writePredictAnswer({ y: { dtype: 'DT_STRING', shape: [1], values } }, 'row')

  expect(body.toString('latin1')).toContain('"\u00ff\\u0000A"')
})

describe('a long answer', () => {
  const values = Float32Array.from({ length: 100_000 }, (_, index) => index % 7)
  const tensor = floatTensor(values, [50_000, 2])
  const flat = floatTensor(values, [1, 100_000])
  const texts = stringTensor(Array.from({ length: 10_000 }, () => 'text'))

  test('is the same whatever it is put together from', () => {
    const { outputs }: { outputs: number[][] } = JSON.parse(
      writePredictAnswer({ y: tensor }, 'column').toString(),
    )
    const { predictions }: { predictions: { y: number[] }[] } = JSON.parse(
      writePredictAnswer({ y: tensor, z: tensor }, 'row').toString(),
    )

    expect(outputs.flat()).toEqual([...values])
    expect(predictions.flatMap(({ y }) => y)).toEqual([...values])
  })

  test.each<[PredictFormat, Record<string, Tensor>]>([
    ['row', { y: tensor }],
    ['column', { y: tensor }],
    ['row', { y: tensor, z: tensor }],
    ['column', { y: tensor, z: tensor }],
    ['row', { y: flat, z: flat }],
    ['row', { y: texts }],
    ['column', { y: texts }],
  ])('is written with pauses, to the same end: by %s', (format, outputs) => {
    const steps = predictAnswerSteps(outputs, format)
    let pauses = 0
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) pauses++

    expect(Buffer.compare(step.value, writePredictAnswer(outputs, format))).toBe(0)
    expect(pauses).toBeGreaterThanOrEqual(9)
  })
})

describe('rows that do not exist are refused', () => {
  test('case 79: a scalar', () => {
    expect(() => writePredictAnswer({ y: floatTensor([1], []) }, 'row')).toThrow(
      'Tensor name: y has no shape information ',
    )
  })

  test('other batch sizes', () => {
    const outputs = { a: floatTensor([1]), b: floatTensor([1, 2]) }
    expect(() => writePredictAnswer(outputs, 'row')).toThrow(
      'Tensor name: b has inconsistent batch size: 2 expecting: 1',
    )
  })
})

test('an error is written in the same form', () => {
  expect(errorBody('no "x"').toString()).toBe('{\n    "error": "no \\"x\\""\n}')
})
