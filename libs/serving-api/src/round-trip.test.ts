import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { writePredictAnswer } from './answer-json.ts'
import { ServingError } from './errors.ts'
import { decodeTensor } from './golden.ts'
import { parsePredictBody } from './predict-json.ts'
import { DATA_TYPES, type DataType, isJsonDataType, type JsonDataType } from './element-types.ts'
import { sizeOf, type TensorInfo } from './tensor.ts'

const info = (dtype: DataType): TensorInfo => ({ name: 'n:0', dtype, shape: undefined })
const shapes = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 })
const scalars: Record<JsonDataType, fc.Arbitrary<number | string>> = {
  DT_FLOAT: fc.float(),
  DT_DOUBLE: fc.double(),
  DT_INT32: fc.integer(),
  DT_INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  DT_UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  DT_UINT32: fc.nat(),
  DT_INT16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  DT_INT8: fc.integer({ min: -128, max: 127 }),
  DT_UINT8: fc.nat({ max: 255 }),
  DT_BOOL: fc.constantFrom(0, 1),
  DT_STRING: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('base64')),
}
const tensors = fc
  .tuple(fc.constantFrom(...DATA_TYPES.filter(isJsonDataType)), shapes)
  // What is below an empty dimension leaves no trace in JSON.
  .map(([dtype, shape]) => ({ dtype, shape: shape.slice(0, shape.indexOf(0) + 1 || 9) }))
  .chain(({ dtype, shape }) =>
    fc
      .array(scalars[dtype], { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
      .map((values) => decodeTensor({ dtype, shape, values })),
  )

describe('an answer that is sent back as a request', () => {
  test.each(['row', 'column'] as const)('as a %s is the same tensor', (format) => {
    const [from, to] = format === 'row' ? ['predictions', 'instances'] : ['outputs', 'inputs']
    fc.assert(
      fc.property(tensors, (tensor) => {
        fc.pre(format === 'column' || tensor.shape[0] !== 0)
        const answer = writePredictAnswer({ x_bytes: tensor }, format).toString('latin1')

        const body = Buffer.from(answer.replace(`"${from}"`, `"${to}"`), 'latin1')
        const { inputs } = parsePredictBody(body).readInputs({ x_bytes: info(tensor.dtype) })

        expect(inputs['x_bytes']?.shape).toEqual(tensor.shape)
        expect([...(inputs['x_bytes']?.values ?? [])]).toEqual([...tensor.values])
      }),
      { numRuns: 500 },
    )
  })
})

const anything = fc.json({ maxDepth: 3 })
test('whatever the values are, they are read or refused with a reason', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('instances', 'inputs'),
      anything,
      fc.constantFrom(...DATA_TYPES),
      (key, value, dtype) => {
        const ask = () =>
          parsePredictBody(Buffer.from(`{"${key}":${value}}`)).readInputs({ x: info(dtype) })

        let failure: unknown
        try {
          ask()
        } catch (error) {
          failure = error
        }

        const code = failure instanceof ServingError ? failure.code : failure
        expect([undefined, 'INVALID_ARGUMENT', 'UNIMPLEMENTED']).toContain(code)
      },
    ),
    { numRuns: 2_000 },
  )
})
