import { attr, GraphBuilder, readSavedModel } from '@drover/saved-model'
import { floatTensor, type Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addInts, info, modelBytes } from '../sample-models.ts'
import { int32 } from '../sample-tensors.ts'
import { compileKernels } from './compile.ts'
import { openKernels } from './engine.ts'
import { KernelMemory } from './memory.ts'

const T = attr.type('DT_FLOAT')
const INT32 = attr.type('DT_INT32')
const WIDTH = 64
const memory = new KernelMemory()

type Build = (builder: GraphBuilder, x: string) => string

/** A model of one signature `main` from `x` to `y`. */
function modelFrom(build: Build, dtype: Tensor['dtype'] = 'DT_FLOAT'): Uint8Array {
  const builder = new GraphBuilder()
  addInts(builder, { zero: [0], one: 1 })
  const y = build(builder, builder.add('Placeholder', 'x', [], { dtype: attr.type(dtype) }))
  return modelBytes(builder, {
    main: {
      inputs: { x: info('x:0', dtype, 'unknown') },
      outputs: { y: info(`${y}:0`, 'DT_FLOAT', 'unknown') },
    },
  })
}

function open(build: Build) {
  const model = compileKernels(readSavedModel(modelFrom(build)), memory)
  if ('reason' in model) throw new Error(model.reason)
  return openKernels(model.message)
}

const numbers = (shape: readonly number[]): Tensor => {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  for (let index = 0; index < values.length; index++) values[index] = Math.sin(index * 1.7)
  return floatTensor(values, shape)
}

/** Rows less their mean, so that no row is by itself, through many layers. */
function centred(layers: number): Build {
  return (builder, x) => {
    const mean = builder.add('Mean', 'mean', [x, 'zero'], { T, keep_dims: attr.bool(true) })
    let last = builder.add('Sub', 'centred', [x, mean], { T })
    const weights = builder.constant('weights', numbers([WIDTH, WIDTH]))
    for (let layer = 0; layer < layers; layer++)
      last = builder.add('MatMul', `layer${layer}`, [last, weights], { T })
    return builder.add('Tanh', 'y', [last], { T })
  }
}

describe('a large program whose rows are not independent', () => {
  const rows = 4_000

  test('lets others run in between', async () => {
    let turns = 0
    let isOver = false
    const turn = (): void => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)

    const answer = open(centred(100)).run('main', { x: numbers([rows, WIDTH]) })
    const { y } = await answer
    isOver = true

    expect(answer).toBeInstanceOf(Promise)
    expect(turns).toBeGreaterThan(5)
    expect(y?.shape).toEqual([rows, WIDTH])
  })

  test('keeps its deadline', async () => {
    const engine = open(centred(200))
    const x = numbers([10 * rows, WIDTH])
    const startMs = performance.now()

    const running = async () => await engine.run('main', { x }, { deadlineMs: startMs + 20 })

    await expect(running()).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(performance.now() - startMs).toBeLessThan(500)
  })

  test('is refused with the sizes of the whole', async () => {
    const engine = open(centred(1))

    const running = async () => await engine.run('main', { x: numbers([rows, WIDTH - 1]) })

    await expect(running()).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(`In[0]: [${rows},${WIDTH - 1}], In[1]: [${WIDTH},${WIDTH}]`),
    })
  })
})

test('a small one is answered at once', () => {
  const answer = open(centred(2)).run('main', { x: numbers([4, WIDTH]) })

  expect(answer).not.toBeInstanceOf(Promise)
})

/** What a program of each kind gives, as plain loops have it. */
const programs: readonly [string, Build, (x: Float32Array, shape: readonly number[]) => unknown][] =
  [
    [
      'an operation on each element',
      (builder, x) => builder.add('Mul', 'y', [x, x], { T }),
      (x) => x.map((value) => value * value),
    ],
    [
      'a row beside all rows',
      (builder, x) => {
        const max = builder.add('Max', 'max', [x, 'zero'], { T, keep_dims: attr.bool(true) })
        return builder.add('Sub', 'y', [x, max], { T })
      },
      (x, [rows = 0, width = 0]) => {
        const most = Float32Array.from({ length: width }, (_, column) => {
          let max = -Infinity
          for (let row = 0; row < rows; row++) max = Math.max(max, x[row * width + column] ?? 0)
          return max
        })
        return x.map((value, index) => value - (most[index % width] ?? 0))
      },
    ],
    [
      'a column beside all columns',
      (builder, x) => {
        const last = builder.constant('last', int32([1]))
        const max = builder.add('Max', 'max', [x, last], { T, keep_dims: attr.bool(true) })
        return builder.add('Sub', 'y', [max, x], { T })
      },
      (x, [, width = 0]) =>
        x.map((value, index) => {
          const from = index - (index % width)
          return Math.max(...x.subarray(from, from + width)) - value
        }),
    ],
  ]

test.each(programs)('steps in parts give what the whole gives: %s', async (_, build, expected) => {
  const engine = open(build)
  const shape = fc.tuple(fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 30 }))
  await fc.assert(
    fc.asyncProperty(shape, async (sizes) => {
      const x = numbers(sizes)
      const { y } = await engine.run('main', { x })

      expect(y?.shape).toEqual(sizes)
      expect(y?.values).toEqual(expected(Float32Array.from(x.values, Number), sizes))
    }),
    { numRuns: 12 },
  )
})

test('a product by a square matrix with as many rows divides its left side alone', async () => {
  const side = 128
  const { y } = await open((builder, x) => {
    const turned = builder.constant('turned', numbers([side, side]))
    // Doubles are no dense layer: the product is an operation by itself.
    const [SrcT, DstT] = [T, attr.type('DT_DOUBLE')]
    const left = builder.add('Cast', 'left', [x], { SrcT, DstT })
    const right = builder.add('Cast', 'right', [turned], { SrcT, DstT })
    const product = builder.add('MatMul', 'product', [left, right], { T: DstT })
    return builder.add('Cast', 'y', [product], { SrcT: DstT, DstT: SrcT })
  }).run('main', { x: numbers([side, side]) })

  const matrix = Float32Array.from(numbers([side, side]).values, Number)
  for (const [row, column] of [
    [0, 0],
    [5, 127],
    [127, 64],
  ] as const) {
    let sum = 0
    for (let inner = 0; inner < side; inner++)
      sum += (matrix[row * side + inner] ?? 0) * (matrix[inner * side + column] ?? 0)
    expect(y?.values[row * side + column]).toBeCloseTo(sum, 4)
  }
})

describe('a tensor', () => {
  const fill: Build = (builder, shape) =>
    builder.add('Fill', 'y', [shape, builder.constant('value', floatTensor([7], []))], {
      T,
      index_type: INT32,
    })
  const reasonOf = (build: Build) =>
    compileKernels(readSavedModel(modelFrom(build, 'DT_INT32')), memory)

  test('as large as a number of the request says is for another engine', () => {
    expect(reasonOf(fill)).toEqual({ reason: expect.stringContaining('how large') })
  })

  test('as large as one of the request is not', () => {
    const model = reasonOf((builder, x) =>
      fill(builder, builder.add('Shape', 'shape', [x], { T: INT32, out_type: INT32 })),
    )

    expect(model).toHaveProperty('message')
  })
})
