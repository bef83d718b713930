import { attr, compileModel, GraphBuilder, readSavedModel } from '@drover/saved-model'
import { compareAnswers, floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { denseModel, info, modelBytes, tabularModel, textModel } from '../sample-models.ts'
import { bool, int32, int64 } from '../sample-tensors.ts'
import { compileKernels } from './compile.ts'
import { openKernels } from './engine.ts'
import { KernelMemory } from './memory.ts'
import { partsOf } from './slices.ts'

const T = attr.type('DT_FLOAT')
const MAIN = 'serving_default'
const memory = new KernelMemory()
const WIDTH = 700

function open(bytes: Uint8Array) {
  const model = compileKernels(readSavedModel(bytes), memory)
  if ('reason' in model) throw new Error(model.reason)
  return openKernels(model.message)
}

/** A model of one signature `main` from `x`, a matrix, to `y`. */
function modelFrom(build: (builder: GraphBuilder, x: string) => string): Uint8Array {
  const builder = new GraphBuilder()
  const y = build(builder, builder.add('Placeholder', 'x', [], { dtype: T }))
  return modelBytes(builder, {
    main: {
      inputs: { x: info('x:0', 'DT_FLOAT', [-1, WIDTH]) },
      outputs: { y: info(`${y}:0`, 'DT_FLOAT', 'unknown') },
    },
  })
}

/** Rows for the tabular model. */
const columnsOf = (numbers: readonly number[]): Record<string, Tensor> => {
  const shape = [numbers.length, 1]
  return {
    distance: floatTensor(
      numbers.map((each) => each * 7),
      shape,
    ),
    hour: floatTensor(
      numbers.map((each) => each % 24),
      shape,
    ),
    count: int64(numbers, shape),
    weekend: bool(
      numbers.map((each) => each % 2),
      shape,
    ),
    airport: stringTensor(
      numbers.map((each) => (each % 3 === 0 ? 'ORD' : 'JFK')),
      shape,
    ),
  }
}

const axis = (builder: GraphBuilder, at: number) => builder.constant('axis', int32([at]))
/** Whether scores of all rows are those of each by itself; their sums are taken in another order. */
function agreementOf(
  scores: Tensor | undefined,
  single: readonly Record<string, Tensor>[],
): string {
  const values = single.flatMap((each) => [...(each.scores?.values ?? [])].map(Number))
  const expected = { scores: floatTensor(values, [single.length, 4]) }
  return compareAnswers(expected, scores === undefined ? {} : { scores }, 1e-6).agreement
}

test('the rows of our recipes are known to be independent', () => {
  for (const bytes of [textModel(), tabularModel(), denseModel([4, 3, 2])]) {
    const { programs } = compileModel(readSavedModel(bytes))
    expect(programs[MAIN]?.division.by).toBe('rows')
  }
})

describe('rows in parts are the rows of the whole', () => {
  const words = ['refund', 'my', 'card', 'größe', '', 'ÄRGER!', 'a b', 'a\0b']
  const text = fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((all) => all.join(' '))

  test('of texts', async () => {
    const engine = open(textModel())
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 2, maxLength: 150 }), async (texts) => {
        const { scores } = await engine.run(MAIN, { text: stringTensor(texts) })
        const single = await Promise.all(
          texts.map(async (each) => await engine.run(MAIN, { text: stringTensor([each]) })),
        )

        expect(agreementOf(scores, single)).toBe('agrees')
      }),
      { numRuns: 20 },
    )
  })

  test('of columns', async () => {
    const engine = open(tabularModel())
    const rows = 500
    const numbers = Array.from({ length: rows }, (_, index) => index)
    const { scores, label } = await engine.run(MAIN, columnsOf(numbers))

    const single = await Promise.all(
      numbers.map(async (index) => await engine.run(MAIN, columnsOf([index]))),
    )
    expect(label?.values).toEqual(single.flatMap((each) => each.label?.values))
    expect(agreementOf(scores, single)).toBe('agrees')
  })

  test.each<[string, (builder: GraphBuilder, x: string) => string]>([
    [
      'a mean over all of them',
      (builder, x) => {
        const keep_dims = attr.bool(true)
        const mean = builder.add('Mean', 'mean', [x, axis(builder, 0)], { T, keep_dims })
        return builder.add('Sub', 'y', [x, mean], { T })
      },
    ],
    [
      'the number of another row',
      (builder, x) => {
        const mean = builder.add('Sum', 'sum', [x, axis(builder, 1)], { T })
        return builder.add('AddV2', 'mean', [x, mean], { T })
      },
    ],
    ['a running sum', (builder, x) => builder.add('Cumsum', 'mean', [x, axis(builder, 0)], { T })],
    [
      'each by each other',
      (builder, x) => {
        const places = [axis(builder, 0), builder.constant('other', int32([1]))]
        const [row = '', column = ''] = places.map((place, index) =>
          builder.add('ExpandDims', `side${index}`, [x, place], { T }),
        )
        return builder.add('Mul', 'mean', [row, column], { T })
      },
    ],
  ])('but models of %s are for another engine', (_, build) => {
    const { reason } = { reason: '', ...compileKernels(readSavedModel(modelFrom(build)), memory) }

    expect(reason).toMatch(/\(node (mean|side0)\): its rows are not known to be independent$/)
  })
})

const zeros = (...shape: number[]): Tensor =>
  floatTensor(new Float32Array(shape.reduce((all, size) => all * size, 1)), shape)

describe('a request is divided', () => {
  const sliced = [
    { alias: 'a', inner: [2] },
    { alias: 'b', inner: [] },
  ]
  test.each<[string, number[], number[], number[], number | undefined]>([
    ['into its rows', [3, 2], [3], [4], 3],
    ['into none where it has none', [0, 2], [0], [4], 0],
    ['not where inputs have other rows', [3, 2], [1], [4], undefined],
    ['not where rows are of another size', [3, 1], [3], [4], undefined],
    ['not where rows are of another rank', [3, 2, 1], [3], [4], undefined],
    ['not where there are no rows', [3, 2], [], [4], undefined],
    ['not where what is for all rows is of another size', [3, 2], [3], [1], undefined],
    ['not where what is for all rows is of another rank', [3, 2], [3], [4, 1], undefined],
  ])('%s', (_, a, b, c, parts) => {
    const whole = [{ alias: 'c', shape: [4] }]
    const division = { by: 'rows', sliced, whole, widths: {}, partNs: 1, texts: 'none' } as const

    expect(partsOf(division, { a: zeros(...a), b: zeros(...b), c: zeros(...c) })).toBe(parts)
  })
})
