// Models that would take all memory or all time where they run, in the process of all tenants: they are
// refused before they begin, and answer what is not too much.

import { attr, type GraphBuilder, GraphBuilder as Builder } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { afterAll, describe, expect, test } from 'vitest'
import { loadServable } from './load.ts'
import { FLOAT, INT32 } from './sample-case.ts'
import {
  type Branches,
  bytesOf,
  constant,
  given,
  node,
  TYPES,
  whileOf,
} from './sample-conditions.ts'
import { startFolder } from './sample-folder.ts'
import { addInts, info, modelBytes } from './sample-models.ts'
import { int32, int64 } from './sample-tensors.ts'

const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const T = { T: FLOAT }

/** A model in onnx that makes `y` of a vector `x` and a number `n`. */
async function load(build: (to: GraphBuilder) => void) {
  const to = new Builder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([-1]) })
  to.add('Placeholder', 'n', [], { dtype: INT32, shape: attr.shape([]) })
  addInts(to, { zero: 0, one: 1, both: [0, 1] })
  build(to)
  const inputs = { x: info('x:0', 'DT_FLOAT'), n: info('n:0', 'DT_INT32', []) }
  const outputs = { y: info('y:0', 'DT_FLOAT', 'unknown') }
  const bytes = modelBytes(to, { serving_default: { inputs, outputs } })
  return await loadServable(await folder.add(bytes), { engine: 'onnx' })
}

/** Each element with each. */
function addPairs(to: GraphBuilder, name: string): string {
  const expand = { T: FLOAT, Tdim: INT32 }
  to.add('ExpandDims', `${name}/column`, ['x', 'one'], expand)
  to.add('ExpandDims', `${name}/row`, ['x', 'zero'], expand)
  return to.add('Mul', name, [`${name}/column`, `${name}/row`], T)
}

const summed = (to: GraphBuilder, of: string) =>
  to.add('Sum', 'y', [of, 'both'], { T: FLOAT, Tidx: INT32 })

describe('a few bytes that ask for all memory are refused', () => {
  const many = floatTensor(new Float32Array(200_000))
  const few = floatTensor([1, 2, 3])

  test.each<[string, (to: GraphBuilder) => void]>([
    ['in a product of all pairs', (to) => summed(to, addPairs(to, 'pairs'))],
    [
      'behind a size that is calculated',
      (to) => {
        const int = { T: FLOAT, out_type: INT32 }
        to.add('Size', 'size', ['x'], int)
        to.add('Mul', 'more', ['size', 'size'], { T: INT32 })
        to.add('Pack', 'shape', ['more', 'one'], { T: INT32, N: attr.int(2), axis: attr.int(0) })
        to.add('Fill', 'filled', ['shape', 'zero/float'], { T: FLOAT, index_type: INT32 })
        summed(to, 'filled')
      },
    ],
    [
      'in a branch that may be taken',
      (to) => {
        to.add('Size', 'size', ['x'], { T: FLOAT, out_type: INT32 })
        to.add('Range', 'numbers', ['zero', 'size', 'one'], { Tidx: INT32 })
        to.add('Cast', 'floats', ['numbers'], { SrcT: INT32, DstT: FLOAT })
        to.add('ExpandDims', 'column', ['floats', 'one'], { T: FLOAT, Tdim: INT32 })
        to.add('Add', 'sums', ['column', 'floats'], T)
        summed(to, 'sums')
      },
    ],
  ])('%s', async (_, build) => {
    const model = await load((to) => {
      to.constant('zero/float', floatTensor([0], []))
      build(to)
    })
    const n = int32([1], [])

    await expect(async () => await model.run('serving_default', { x: many, n })).rejects.toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        cause: expect.objectContaining({ message: expect.stringContaining('bytes') }),
      }),
    )
    expect((await model.run('serving_default', { x: few, n }))['y']?.shape).toEqual([])
    await model.close()
  })

  test.each(['DT_INT32', 'DT_INT64'] as const)(
    'but not by the longest of no rows, in %s',
    async (dtype) => {
      const model = await load((to) => {
        const type = attr.type(dtype)
        to.constant('none', dtype === 'DT_INT64' ? int64([0], []) : int32([0], []))
        to.constant('step', dtype === 'DT_INT64' ? int64([1], []) : int32([1], []))
        to.add('Cast', 'lengths', ['x'], { SrcT: FLOAT, DstT: type })
        to.add('Max', 'longest', ['lengths', 'zero'], { T: type, Tidx: INT32 })
        to.add('Maximum', 'size', ['longest', 'none'], { T: type })
        to.add('Range', 'numbers', ['none', 'size', 'step'], { Tidx: type })
        to.add('Cast', 'floats', ['numbers'], { SrcT: type, DstT: FLOAT })
        to.add('Sum', 'y', ['floats', 'zero'], { T: FLOAT, Tidx: INT32 })
      })
      const run = async (x: number[]) =>
        await model.run('serving_default', { x: floatTensor(x), n: int32([1], []) })

      expect(await run([2, 5, 1])).toEqual({ y: floatTensor([10], []) })
      expect(await run([])).toEqual({ y: floatTensor([0], []) })
      await model.close()
    },
  )

  test('by the greatest of many numbers, though others of them did not', async () => {
    const to = new Builder()
    to.add('Placeholder', 'n', [], { dtype: INT32, shape: attr.shape([-1]) })
    addInts(to, { zero: 0, one: 1 })
    to.add('Max', 'size', ['n', 'zero'], { T: INT32, Tidx: INT32 })
    to.add('Range', 'numbers', ['zero', 'size', 'one'], { Tidx: INT32 })
    to.add('Cast', 'floats', ['numbers'], { SrcT: INT32, DstT: FLOAT })
    to.add('Sum', 'y', ['floats', 'zero'], { T: FLOAT, Tidx: INT32 })
    const inputs = { n: info('n:0', 'DT_INT32') }
    const outputs = { y: info('y:0', 'DT_FLOAT', []) }
    const bytes = modelBytes(to, { serving_default: { inputs, outputs } })
    const model = await loadServable(await folder.add(bytes), { engine: 'onnx' })
    const run = async (most: number) =>
      await model.run('serving_default', { n: int32([most, ...new Int32Array(100)]) })

    expect(await run(5)).toEqual({ y: floatTensor([10], []) })
    await expect(async () => await run(2 ** 31 - 1)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    await model.close()
  })

  test('by a number in it', async () => {
    const model = await load((to) => {
      to.add('Range', 'numbers', ['zero', 'n', 'one'], { Tidx: INT32 })
      to.add('Cast', 'floats', ['numbers'], { SrcT: INT32, DstT: FLOAT })
      to.add('Sum', 'y', ['floats', 'zero'], { T: FLOAT, Tidx: INT32 })
    })
    const run = async (n: number) =>
      await model.run('serving_default', { x: few, n: int32([n], []) })

    await expect(async () => await run(2 ** 31 - 1)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    expect(await run(5)).toEqual({ y: floatTensor([10], []) })
    await expect(async () => await run(2 ** 31 - 1)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    expect(await run(6)).toEqual({ y: floatTensor([15], []) })
    await model.close()
  })
})

test('of sizes that are calculated from floats nobody knows ahead: such a model is for TensorFlow', async () => {
  const loading = load((to) => {
    to.add('Exp', 'exp', ['x'], T)
    to.add('Sum', 'sum', ['exp', 'zero'], { T: FLOAT, Tidx: INT32 })
    to.add('Cast', 'count', ['sum'], { SrcT: FLOAT, DstT: INT32 })
    to.add('Range', 'numbers', ['zero', 'count', 'one'], { Tidx: INT32 })
    to.add('Cast', 'y', ['numbers'], { SrcT: INT32, DstT: FLOAT })
  })

  await expect(loading).rejects.toMatchObject({
    code: 'UNTRANSLATABLE',
    cause: { message: expect.stringContaining('Range (node numbers)') },
  })
})

describe('work for which there is no time', () => {
  const x = floatTensor(new Float32Array(4_000))
  const build = (to: GraphBuilder) => {
    let last = addPairs(to, 'pairs')
    for (let at = 0; at < 100; at++) last = to.add('MatMul', `product${at}`, [last, 'pairs'], T)
    summed(to, last)
  }

  test('is a TIMEOUT at once', async () => {
    const model = await load(build)

    const run = async () =>
      await model.run(
        'serving_default',
        { x, n: int32([1], []) },
        { deadlineMs: performance.now() + 2_000 },
      )

    await expect(run).rejects.toMatchObject({ code: 'TIMEOUT' })
    await model.close()
  })

  test('fails where nobody has set an end to it', async () => {
    const model = await load(build)

    await expect(
      async () => await model.run('serving_default', { x, n: int32([1], []) }),
    ).rejects.toMatchObject({ code: 'RUN_FAILED' })
    await model.close()
  })
})

/** Rounds without an end, and each takes its time. */
const endless: Branches = {
  always: {
    nodes: [node('is_small', 'Less', ['x', 'x'])],
    outputs: ['is'],
    returns: ['DT_BOOL'],
  },
  heavy: {
    nodes: [
      constant('size', int32([600, 600])),
      constant('axes', int32([0, 1])),
      constant('one', floatTensor([1e-3], [])),
      node('filled', 'Fill', ['size:output:0', 'one:output:0'], { T: FLOAT, index_type: INT32 }),
      node('scaled', 'Mul', ['filled:output:0', 'x']),
      node('product', 'MatMul', ['scaled:z:0', 'scaled:z:0']),
      node('sum', 'Sum', ['product:product:0', 'axes:output:0'], { T: FLOAT, Tidx: INT32 }),
    ],
    outputs: ['sum:output:0', 'which', 'is', 'text'],
    returns: TYPES,
  },
}

const addEndless = (to: GraphBuilder) =>
  to.add('StatelessWhile', 'y', ['x', 'which', 'is', 'text'], whileOf('always', 'heavy'))

test('a loop without an end is cut off about when its time is over', async () => {
  const model = await loadServable(
    await folder.add(bytesOf({ branches: endless, build: addEndless })),
    {
      engine: 'onnx',
    },
  )

  const run = async () =>
    await model.run('serving_default', given({}), { deadlineMs: performance.now() + 2_000 })

  await expect(run).rejects.toMatchObject({ code: 'RUN_FAILED' })
  await model.close()
})
