import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServingError } from '../errors.ts'
import { ExampleSchema } from '../generated/tensorflow/core/example/example_pb.ts'
import type { Feature } from '../generated/tensorflow/core/example/feature_pb.ts'
import { EXAMPLES_BYTES_MAX } from './example-bytes.ts'
import { examplesBodySteps, parseExamplesBody } from './examples-body.ts'

const parse = (body: unknown) =>
  parseExamplesBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))

/** The features of each example as plain values. */
const featuresOf = (body: unknown): unknown[] =>
  parse(body).examples.map((bytes) => {
    const { features } = fromBinary(ExampleSchema, new Uint8Array(bytes))
    return Object.fromEntries(
      Object.entries(features?.feature ?? {}).map(([name, feature]) => [name, plain(feature)]),
    )
  })

function plain({ kind }: Feature): unknown {
  return kind.case === undefined ? undefined : { [kind.case]: kind.value.value }
}

const manyFeatures = (): Record<string, number> =>
  Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${index}`, index]))

const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value))

const errorOf = (body: unknown): unknown => {
  try {
    return parse(body)
  } catch (error) {
    return error instanceof ServingError ? `${error.code}: ${error.message}` : error
  }
}

describe('features', () => {
  test.each<[string, string, unknown]>([
    ['a decimal', '1.0', { floatList: [1] }],
    ['an exponent', '1e2', { floatList: [100] }],
    ['a decimal of four bytes', '0.1', { floatList: [Math.fround(0.1)] }],
    ['not a number', 'NaN', { floatList: [NaN] }],
    ['minus infinity', '[-Infinity]', { floatList: [-Infinity] }],
    ['an integer', '[20]', { int64List: [20n] }],
    ['a negative one', '-1', { int64List: [-1n] }],
    ['the largest', '9223372036854775807', { int64List: [2n ** 63n - 1n] }],
    ['the least', '-9223372036854775808', { int64List: [-(2n ** 63n)] }],
    ['one that 64 bits cannot hold', '18446744073709551616', { floatList: [2 ** 64] }],
    ['one below that', '-9223372036854775809', { floatList: [-(2 ** 63)] }],
    ['bools', '[true, false]', { int64List: [1n, 0n] }],
    ['bools and integers', '[true, 7]', { int64List: [1n, 7n] }],
    ['a string', '"aü\\n"', { bytesList: [text('aü\n')] }],
    ['bytes', '{"b64": "aGVsbG8="}', { bytesList: [text('hello')] }],
    ['both', '["", {"b64": "aGVsbG8"}]', { bytesList: [text(''), text('hello')] }],
    ['nothing', '[]', undefined],
  ])('%s', (_name, value, feature) => {
    expect(featuresOf(`{"examples": [{"f": ${value}}]}`)).toEqual([{ f: feature }])
  })

  test('of two with one name the last one counts', () => {
    expect(featuresOf('{"examples": [{"f": 1, "f": 2.5}]}')).toEqual([{ f: { floatList: [2.5] } }])
  })

  test('any numbers, names and texts come through', () => {
    const value = fc.oneof(
      fc.array(fc.maxSafeInteger(), { minLength: 1 }),
      fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }),
    )
    const example = fc.dictionary(
      fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__'),
      value,
    )
    fc.assert(
      fc.property(fc.array(example, { minLength: 1 }), (examples) => {
        const expected = examples.map((features) =>
          Object.fromEntries(
            Object.entries(features).map(([name, values]) => [
              name,
              typeof values[0] === 'number'
                ? { int64List: values.map(BigInt) }
                : { bytesList: values.map((each) => text(`${each}`)) },
            ]),
          ),
        )

        expect(featuresOf({ examples })).toEqual(expected)
      }),
    )
  })
})

describe('the body', () => {
  test('names a signature or none', () => {
    expect(parse({ examples: [{}] }).signatureName).toBe('')
    expect(parse({ signature_name: 's', examples: [{}] }).signatureName).toBe('s')
  })

  test('has a context that examples overrule', () => {
    const body = { context: { a: 1, b: 2 }, examples: [{ b: 3.5 }, {}] }

    expect(featuresOf(body)).toEqual([
      { a: { int64List: [1n] }, b: { floatList: [3.5] } },
      { a: { int64List: [1n] }, b: { int64List: [2n] } },
    ])
  })

  test('may not make gigabytes by a large context', () => {
    const context = { a: 'x'.repeat(1_000_000) }
    const examples = Array.from({ length: EXAMPLES_BYTES_MAX / 1_000_000 + 1 }, () => ({}))

    expect(errorOf({ context, examples })).toMatch(/^RESOURCE_EXHAUSTED: /)
  })
})

const misformed = (body: string, what: string): [string, string] => [
  body,
  `INVALID_ARGUMENT: JSON Value: ${body} ${what}`,
]

describe('what is no such body is refused in upstream words', () => {
  test.each<[string, string]>([
    ['', 'INVALID_ARGUMENT: JSON Parse error: The document is empty'],
    misformed('[]', 'Is not object'),
    misformed(
      '{\n    "signature_name": 5\n}',
      "not formatted correctly. 'signature_name' key must be a string value.",
    ),
    misformed('{}', "When method is classify, key 'examples' is expected and was not found"),
    misformed('{\n    "examples": 1\n}', "Expecting 'examples' value to be an list/array"),
    misformed('{\n    "examples": []\n}', "'examples' value is an empty array"),
    ['{"context": [1]}', 'INVALID_ARGUMENT: Example must be JSON object but got JSON Array'],
    ['{"examples": [[{}]]}', 'INVALID_ARGUMENT: Example must be JSON object but got JSON Array'],
    ['{"examples": [null]}', 'INVALID_ARGUMENT: Example must be JSON object but got JSON Null'],
  ])('%s', (body, message) => {
    expect(errorOf(body)).toBe(message)
  })

  test.each([
    ['null', 'Feature: f has element with unexpected JSON type: Null'],
    ['[[1]]', 'Feature: f has element with unexpected JSON type: Array'],
    ['{"a": 1}', 'Feature: f has element with unexpected JSON type: Object'],
    ['[1, {"b64": 1}]', 'Feature: f has element with unexpected JSON type: Object'],
    ['{"b64": "%"}', 'Unable to base64 decode'],
    ['[10, 10.0]', 'Unexpected element type in feature: f expecting type: int64'],
    ['[10.0, 10]', 'Unexpected element type in feature: f expecting type: float'],
    ['["a", true]', 'Unexpected element type in feature: f expecting type: bytes'],
    ['[1.5, {"b64": "YQ=="}]', 'Unexpected element type in feature: f expecting type: float'],
    ['[20, 18446744073709551603]', 'Feature: f has uint64_t element. Only int64_t is supported.'],
    ['[2.5, 18446744073709551603]', 'Unexpected element type in feature: f expecting type: float'],
  ])('the feature %s', (value, message) => {
    expect(errorOf(`{"examples": [{"f": ${value}}]}`)).toBe(`INVALID_ARGUMENT: ${message}`)
  })

  test('an example of a million features', () => {
    const features = Array.from({ length: 1_000_000 }, (_, index) => `"${index}":1`)

    expect(errorOf(`{"examples": [{${features.join(',')}}]}`)).toBe(
      'INVALID_ARGUMENT: An example may have 100000 features',
    )
  })
})

test.each([
  ['many examples', { examples: Array.from({ length: 10_000 }, () => ({})) }],
  ['many features', { examples: Array.from({ length: 10 }, () => manyFeatures()) }],
  ['many values', { examples: [{ a: Array.from({ length: 10_000 }, (_, index) => index) }] }],
])('%s are read with pauses, to the same end', (_, body) => {
  const bytes = Buffer.from(JSON.stringify(body))
  const steps = examplesBodySteps(bytes)
  let pauses = 0
  let step = steps.next()
  for (; step.done !== true; step = steps.next()) pauses++

  expect(step.value).toEqual(parseExamplesBody(bytes))
  // As many for the outer part as for what is read then.
  expect(pauses).toBeGreaterThanOrEqual(18)
})
