// One request must neither hold up the event loop nor eat the memory, whatever it asks for.

import { attr, compileModel, GraphBuilder, readSavedModel } from '@drover/saved-model'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addInts, denseModel, info, modelBytes, textModel } from '../sample-models.ts'
import { compileKernels } from './compile.ts'
import { openKernels } from './engine.ts'
import { KernelMemory } from './memory.ts'

const T = attr.type('DT_FLOAT')
const MAIN = 'serving_default'
const memory = new KernelMemory()

type Build = (builder: GraphBuilder, inputs: readonly string[]) => string
interface Inputs {
  dtype?: 'DT_FLOAT' | 'DT_STRING' | 'DT_INT32'
  shapes?: readonly (readonly number[] | 'unknown')[]
}

/** A model of one signature from `x0` and others to `y`. */
function modelOf(build: Build, { dtype = 'DT_FLOAT', shapes = ['unknown'] }: Inputs = {}) {
  const builder = new GraphBuilder()
  addInts(builder, { zero: 0, one: 1 })
  const names = shapes.map((_, index) => `x${index}`)
  for (const name of names) builder.add('Placeholder', name, [], { dtype: attr.type(dtype) })
  const y = build(builder, names)
  const inputs = shapes.map((shape, index) => [`x${index}`, info(`x${index}:0`, dtype, shape)])
  return modelBytes(builder, {
    [MAIN]: {
      inputs: Object.fromEntries(inputs),
      outputs: { y: info(`${y}:0`, dtype === 'DT_INT32' ? 'DT_FLOAT' : dtype, 'unknown') },
    },
  })
}

const compile = (bytes: Uint8Array) => compileKernels(readSavedModel(bytes), memory)

function open(bytes: Uint8Array) {
  const model = compile(bytes)
  if ('reason' in model) throw new Error(model.reason)
  return openKernels(model.message)
}

const numbers = (shape: readonly number[]): Tensor => {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
  for (let index = 0; index < values.length; index++) values[index] = Math.sin(index * 1.7)
  return floatTensor(values, shape)
}

/** Counts the turns of the event loop until it is stopped. */
function countTurns(): () => number {
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    isOver = true
    return turns
  }
}

const product: Build = (builder, [x = '', z = x]) => builder.add('Mul', 'y', [x, z], { T })

describe('a model is for another engine', () => {
  const reasonOf = (build: Build, inputs: Inputs): unknown => compile(modelOf(build, inputs))

  test.each([[[-1, -1]], [[4, -1]], ['unknown']] as const)(
    'when it is not known how large an input is: %j',
    (shape) => {
      const sum: Build = (builder, [x = '']) => builder.add('Sum', 'y', [x, 'one'], { T })

      expect(reasonOf(sum, { shapes: [shape] })).toEqual({
        reason: 'the signature does not tell how large the input x0 is',
      })
    },
  )

  test('when a row takes too long', () => {
    const outer: Build = (builder, [x = '']) =>
      product(builder, [
        builder.add('ExpandDims', 'column', [x, builder.constant('two', int(2))], { T }),
        builder.add('ExpandDims', 'row', [x, 'one'], { T }),
      ])

    expect(reasonOf(outer, { shapes: [[-1, 100]] })).toHaveProperty('message')
    expect(reasonOf(outer, { shapes: [[-1, 10_000]] })).toEqual({
      reason: expect.stringMatching(
        /Mul \(node y\) would take about 2\.0e\+3 ms of the .* allowed/,
      ),
    })
  })

  test('when fixed shapes take too long', () => {
    expect(
      reasonOf(product, {
        shapes: [
          [100, 1],
          [1, 100],
        ],
      }),
    ).toHaveProperty('message')
    expect(
      reasonOf(product, {
        shapes: [
          [10_000, 1],
          [1, 10_000],
        ],
      }),
    ).toEqual({
      reason: expect.stringContaining('Mul (node y) would take about'),
    })
  })

  test('when a number of the request says how large a tensor is, but not when its size does', () => {
    const fill: Build = (builder, [shape = '']) =>
      builder.add('Fill', 'y', [shape, builder.constant('value', floatTensor([7], []))], {
        T,
        index_type: attr.type('DT_INT32'),
      })
    const out_type = attr.type('DT_INT32')
    const inputs = { dtype: 'DT_INT32', shapes: [[2]] } as const

    expect(reasonOf(fill, inputs)).toEqual({ reason: expect.stringContaining('how large') })
    expect(
      reasonOf(
        (builder, [x = '']) =>
          fill(builder, [builder.add('Shape', 'shape', [x], { T: out_type, out_type })]),
        inputs,
      ),
    ).toHaveProperty('message')
  })
})

const int = (value: number): Tensor => ({
  dtype: 'DT_INT32',
  shape: [],
  values: Int32Array.of(value),
})

describe('an answer', () => {
  test('that is too large is refused before the run, with its size', () => {
    const engine = open(denseModel([1, 1_000]))
    const rows = 1_000_000

    const ask = () => engine.run(MAIN, { x: floatTensor(new Float32Array(rows), [rows, 1]) })

    expect(ask).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(/4000000000 bytes .*1000000 times 4000 .* 134217728$/),
      }),
    )
  })
})

describe('shapes that the signature does not tell of', () => {
  const engine = open(modelOf(product, { shapes: [[-1], [-1]] }))

  test('are taken where they cost little', () => {
    const answer = engine.run(MAIN, { x0: numbers([3, 1]), x1: floatTensor([1, 2], [1, 2]) })

    expect(answer).toHaveProperty('y.shape', [3, 2])
  })

  test.each([
    [
      [11_000, 1],
      [1, 11_000],
    ],
    [[1_000_000], [1]],
    [[1_000_000_000, 0], [1]],
  ] as const)('are refused where they cost much: %j and %j', (one, other) => {
    const ask = () => engine.run(MAIN, { x0: numbers(one), x1: numbers(other) })

    expect(ask).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(
          /^Mul \(node y\) would take about .* of the 2\.0 ms allowed$/,
        ),
      }),
    )
  })

  test('are none where each element is by itself', async () => {
    const shape = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(shape, async (sizes) => {
        const [x0, x1] = [numbers(sizes), numbers(sizes)]
        const { y } = await engine.run(MAIN, { x0, x1 })

        const squares = [...x0.values].map((value) => Number(value) ** 2)
        expect(y).toEqual(floatTensor(squares, sizes))
      }),
      { numRuns: 30 },
    )
  })
})

describe('while others wait', () => {
  test('each of many large requests takes turns with them', async () => {
    const engine = open(denseModel([784, 128, 10]))
    const turnsOf = countTurns()
    const started: number[] = []

    const running = Array.from({ length: 8 }, async (_, index) => {
      await engine.run(MAIN, { x: numbers([1_500, 784]) })
      started.push(index)
    })
    await Promise.all(running)

    // A request takes several stretches, and no turn has more than one of them.
    expect(turnsOf()).toBeGreaterThan(2 * running.length)
    expect(started).toHaveLength(running.length)
  })

  test('even what is handed back as it came takes its time', () => {
    const same: Build = (builder, [x = '']) => builder.add('Identity', 'y', [x], { T })
    const { programs } = compileModel(readSavedModel(modelOf(same)))

    expect(programs[MAIN]?.division.partNs).toBeGreaterThan(0)
  })

  test('one long text is worked on step by step', async () => {
    const text = stringTensor(['refund my card '.repeat(3_000)])
    const turnsOf = countTurns()

    const { label } = await open(textModel()).run(MAIN, { text })

    expect(turnsOf()).toBeGreaterThan(2)
    expect(label?.shape).toEqual([1])
  })

  test('a long text among short ones gives what it gives by itself', async () => {
    const engine = open(textModel())
    const texts = Array.from({ length: 2_000 }, (_, index) =>
      index === 1_000 ? 'refund my card '.repeat(3_000) : `card ${index}`,
    )

    const { scores } = await engine.run(MAIN, { text: stringTensor(texts) })
    const single = await engine.run(MAIN, { text: stringTensor(texts.slice(1_000, 1_001)) })

    expect(scores?.shape).toEqual([2_000, 4])
    for (const [at, value] of Array.from(single.scores?.values ?? [], Number).entries())
      expect(Number(scores?.values[4_000 + at])).toBeCloseTo(value, 5)
  })
})

const doubled: Build = (builder, [x = '']) => {
  let last = x
  for (let time = 0; time < 40; time++)
    last = builder.add('StringJoin', `join${time}`, [last, last], { N: attr.int(2) })
  return last
}

test('a text that grows in the graph is refused before it fills the memory', () => {
  const engine = open(modelOf(doubled, { dtype: 'DT_STRING', shapes: [[-1]] }))

  const ask = async () => await engine.run(MAIN, { x0: stringTensor(['abcdefgh']) })

  return expect(ask()).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringMatching(/^StringJoin \(node join\d+\) would take about/),
  })
})

test('constants that grow are not worked out ahead', () => {
  const growing: Build = (builder, [x = '']) => {
    let last = builder.constant('start', floatTensor(new Float32Array(4_096)))
    for (let time = 0; time < 12; time++)
      last = builder.add('ConcatV2', `grown${time}`, [last, last, 'zero'], { N: attr.int(2), T })
    return builder.add('AddV2', 'y', [x, builder.add('Sum', 'sum', [last, 'zero'], { T })], { T })
  }

  expect(compile(modelOf(growing))).toHaveProperty('reason')
})
