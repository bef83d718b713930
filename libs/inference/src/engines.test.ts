import { attr, fingerprint64, GraphBuilder, nGrams } from '@drover/saved-model'
import {
  compareAnswers,
  floatTensor,
  sizeOf,
  stringTensor,
  type Tensor,
  textsOf,
  TOLERANCE,
} from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { info, modelBytes, tabularModel, textModel } from './sample-models.ts'
import type { Servable } from './servable.ts'
import { bool, double, int32, int64 } from './sample-tensors.ts'

const { tensorflow, folder } = await startAround()

type Inputs = Record<string, Tensor>

/** Loads a model into every engine; what differs between their answers is an error. */
async function startAll(bytes: Uint8Array) {
  const directory = await folder.add(bytes)
  const load = async (engine: 'fast' | 'onnx' | 'tensorflow'): Promise<Servable> =>
    await loadServable(directory, { engine, tensorflow })
  const [kernel, onnx, truth] = [await load('fast'), await load('onnx'), await load('tensorflow')]
  expect(kernel.engine).toBe('kernel')
  return {
    async compare(inputs: Inputs, signature = 'serving_default') {
      const expected = await truth.run(signature, inputs)
      const answers = [await onnx.run(signature, inputs), await kernel.run(signature, inputs)]
      const found = answers.map((answer) => compareAnswers(expected, answer, TOLERANCE.engines))
      return { agreement: found.map(({ agreement }) => agreement).join(' '), expected }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([kernel.close(), onnx.close(), truth.close()])
    },
  }
}

const ALL_AGREE = 'agrees agrees'

/** Characters of many scripts, and such as have ended badly somewhere. */
const character = fc.oneof(
  fc.constantFrom(...Array.from('aZ09 .,!-_\t\n\0ßẞİıΣσςǅﬁé')),
  fc.constantFrom('e\u0301', '\u200B', '\u2028', '\uFEFF', '\uFFFD', '👩‍👩‍👧', '𝒜', '𐐀'),
  ...[0x370, 0x400, 0x590, 0x600, 0x900, 0x3040, 0x4e00, 0xac00].map((start) =>
    fc.integer({ min: start, max: start + 80 }).map((code) => String.fromCodePoint(code)),
  ),
)
const hostileText = fc.array(character, { maxLength: 30 }).map((all) => all.join(''))

describe('on a text model', () => {
  test('the engines agree on hostile texts', async () => {
    await using all = await startAll(textModel())

    await fc.assert(
      fc.asyncProperty(fc.array(hostileText, { maxLength: 12 }), async (texts) => {
        const { agreement } = await all.compare({ text: stringTensor(texts) })
        expect(agreement).toBe(ALL_AGREE)
      }),
      { numRuns: 60 },
    )
  })

  test('the engines agree on bytes that are no UTF-8', async () => {
    await using all = await startAll(textModel())

    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(
            fc.constantFrom(0x41, 0x20, 0xc3, 0xa4, 0xe2, 0x82, 0xed, 0xa0, 0xf0, 0xff, 0x80),
          ),
          { maxLength: 8 },
        ),
        async (rows) => {
          const values = rows.map((row) => Uint8Array.from(row))
          const text: Tensor = { dtype: 'DT_STRING', shape: [values.length], values }
          expect((await all.compare({ text })).agreement).toBe(ALL_AGREE)
        },
      ),
      { numRuns: 60 },
    )
  })

  test.each([
    ['no text', []],
    ['an empty text', ['']],
    ['texts without a letter', ['', '...', '\0', ' ']],
    ['an empty text at the end', ['hello there', '']],
  ])('the engines agree on %s', async (_, texts) => {
    await using all = await startAll(textModel())

    const { agreement, expected } = await all.compare({ text: stringTensor(texts) })

    expect(agreement).toBe(ALL_AGREE)
    expect(expected.scores?.shape).toEqual([texts.length, 4])
  })
})

describe('on a tabular model', () => {
  const row = fc.record({
    distance: fc.oneof(fc.float({ min: 0, max: 5000, noNaN: true }), fc.constant(NaN)),
    hour: fc.float({ min: 0, max: 24, noNaN: true }),
    count: fc.bigInt({ min: 0n, max: 10n ** 9n }),
    weekend: fc.boolean(),
    airport: fc.constantFrom('LAX', 'ORD', 'ZÜR', 'zür', '', 'JFK'),
  })

  test('the engines agree on any rows, and on none', async () => {
    await using all = await startAll(tabularModel())

    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), async (rows) => {
        const shape = [rows.length, 1]
        const { agreement } = await all.compare({
          distance: floatTensor(
            rows.map(({ distance }) => distance),
            shape,
          ),
          hour: floatTensor(
            rows.map(({ hour }) => hour),
            shape,
          ),
          count: int64(
            rows.map(({ count }) => count),
            shape,
          ),
          weekend: bool(
            rows.map(({ weekend }) => Number(weekend)),
            shape,
          ),
          airport: stringTensor(
            rows.map(({ airport }) => airport),
            shape,
          ),
        })
        expect(agreement).toBe(ALL_AGREE)
      }),
      { numRuns: 60, examples: [[[]]] },
    )
  })
})

test('every element type goes in and comes out exactly, in both engines', async () => {
  const values: Inputs = {
    float: floatTensor([1.5, -0, 3e38]),
    double: double([0.1, -2e300, 5e-324]),
    int32: int32([2 ** 31 - 1, -(2 ** 31), 0]),
    int64: int64([2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n]),
    bool: bool([1, 0, 1]),
    string: {
      dtype: 'DT_STRING',
      shape: [2],
      values: [Uint8Array.of(0, 255, 0), new Uint8Array()],
    },
  }
  const builder = new GraphBuilder()
  for (const [name, { dtype }] of Object.entries(values)) {
    builder.add('Placeholder', name, [], { dtype: attr.type(dtype), shape: attr.shape([-1]) })
    builder.add('Identity', `${name}_out`, [name], { T: attr.type(dtype) })
  }
  const infosOf = (suffix: string) =>
    Object.fromEntries(
      Object.entries(values).map(([name, { dtype }]) => [name, info(`${name}${suffix}`, dtype)]),
    )
  const directory = await folder.add(
    modelBytes(builder, {
      through: { inputs: infosOf(':0'), outputs: infosOf('_out:0') },
      untouched: { inputs: infosOf(':0'), outputs: infosOf(':0') },
    }),
  )
  for (const engine of ['fast', 'onnx', 'tensorflow'] as const) {
    const servable = await loadServable(directory, { engine, tensorflow })
    for (const signature of ['through', 'untouched'])
      expect(await servable.run(signature, values), engine).toEqual(values)
    await servable.close()
  }
})

test('the fingerprint is the one of TensorFlow itself', async () => {
  const values = Array.from({ length: 400 }, (_, length) =>
    new Uint8Array(length).map((__, index) => (index * 41 + length * 7 + (index >> 2)) & 255),
  )
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: attr.type('DT_STRING'), shape: attr.shape([-1]) })
  const buckets = 2n ** 62n - 57n
  builder.add('StringToHashBucketFast', 'y', ['x'], { num_buckets: attr.int(buckets) })
  const directory = await folder.add(
    modelBytes(builder, {
      main: { inputs: { x: info('x:0', 'DT_STRING') }, outputs: { y: info('y:0', 'DT_INT64') } },
    }),
  )
  const servable = await loadServable(directory, { engine: 'tensorflow', tensorflow })

  const { y } = await servable.run('main', {
    x: { dtype: 'DT_STRING', shape: [values.length], values },
  })

  expect([...(y?.values ?? [])]).toEqual(values.map((bytes) => fingerprint64(bytes) % buckets))
  await servable.close()
})

test('the n-grams for training are those of the graph', async () => {
  await using all = await startAll(textModel())
  const texts = ['Is my card here? ÄRGER!', 'one', '', 'a\0b']

  const { expected } = await all.compare({ text: stringTensor(texts) })
  const joined = await all.compare({
    text: stringTensor(
      texts.map((text) =>
        nGrams(text)
          .filter((gram) => !/ /.test(gram))
          .join(' '),
      ),
    ),
  })

  expect(joined.expected).toEqual(expected)
})

test('labels come as text', async () => {
  await using all = await startAll(textModel())

  const { expected } = await all.compare({ text: stringTensor(['a card']) })

  expect(expected.label?.dtype === 'DT_STRING' && textsOf(expected.label)).toHaveLength(1)
  expect(sizeOf(expected.scores?.shape ?? [])).toBe(4)
})
