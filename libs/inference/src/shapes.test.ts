// What a signature says of shapes binds nobody: the graph takes what it can work with, in every
// engine as in TensorFlow.

import { attr, GraphBuilder } from '@drover/saved-model'
import {
  compareAnswers,
  floatTensor,
  sizeOf,
  stringTensor,
  type Tensor,
  TOLERANCE,
} from '@drover/serving-api'
import { beforeAll, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { InferenceError } from './errors.ts'
import { loadServable } from './load.ts'
import { info, modelBytes } from './sample-models.ts'
import type { Servable } from './servable.ts'

const { tensorflow, folder } = await startAround()
const T = attr.type('DT_FLOAT')
let fast: Servable
let truth: Servable

/** Half plus two, a layer and the length of texts, with shapes as they are found in the wild. */
function model(): Uint8Array {
  const builder = new GraphBuilder()
  const x = builder.add('Placeholder', 'x', [], { dtype: T })
  const half = builder.add('Mul', 'half', [x, builder.constant('h', floatTensor([0.5], []))], { T })
  const plus = builder.add('AddV2', 'plus', [half, builder.constant('t', floatTensor([2], []))], {
    T,
  })
  const weights = builder.constant('w', floatTensor([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]))
  const product = builder.add('MatMul', 'product', [plus, weights], { T })
  const layer = builder.add(
    'BiasAdd',
    'layer',
    [product, builder.constant('b', floatTensor([1, -1]))],
    { T },
  )
  const flat = builder.add(
    'Reshape',
    'flat',
    [plus, builder.constant('s', { dtype: 'DT_INT32', shape: [2], values: Int32Array.of(-1, 4) })],
    { T, Tshape: attr.type('DT_INT32') },
  )
  const rows = builder.add('MatMul', 'rows', [flat, weights], { T })
  const s = builder.add('Placeholder', 's_in', [], { dtype: attr.type('DT_STRING') })
  const lower = builder.add('StringLower', 'lower', [s])
  const inputs = { x: info('x:0', 'DT_FLOAT', [1, 4]) }
  return modelBytes(builder, {
    half: { inputs, outputs: { y: info(`${plus}:0`, 'DT_FLOAT', [1, 4]) } },
    layer: { inputs, outputs: { y: info(`${layer}:0`, 'DT_FLOAT', [1, 2]) } },
    rows: { inputs, outputs: { y: info(`${rows}:0`, 'DT_FLOAT', [1, 2]) } },
    text: {
      inputs: { x: info(`${s}:0`, 'DT_STRING', [-1]) },
      outputs: { y: info(`${lower}:0`, 'DT_STRING', [-1]) },
    },
  })
}

beforeAll(async () => {
  const directory = await folder.add(model())
  fast = await loadServable(directory, { engine: 'onnx', tensorflow })
  truth = await loadServable(directory, { engine: 'tensorflow', tensorflow })
})

const counted = (shape: readonly number[]): Tensor =>
  floatTensor(
    Array.from({ length: sizeOf(shape) }, (_, index) => index),
    shape,
  )

/** The answer; undefined where the caller is told of a mistake of his. */
async function answerOf(
  servable: Servable,
  signature: string,
  x: Tensor,
): Promise<Tensor | undefined> {
  try {
    return (await servable.run(signature, { x }))['y']
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error
    if (error.code !== 'INVALID_INPUT' && error.code !== 'RUN_FAILED') throw error
    return undefined
  }
}

const named = (y: Tensor | undefined): Record<string, Tensor> => (y === undefined ? {} : { y })

const shapes = [
  [1, 4],
  [5, 4],
  [0, 4],
  [4],
  [8],
  [],
  [0],
  [2, 3],
  [1, 1],
  [2, 3, 4],
  [2, 2, 0],
  [1, 2, 2, 1],
]
const cases = ['half', 'layer', 'rows'].flatMap((signature) =>
  shapes.map((shape) => [signature, shape] as const),
)
test.each(cases)('%s of %j is answered as by TensorFlow', async (signature, shape) => {
  const x = counted(shape)

  const expected = await answerOf(truth, signature, x)
  const answer = await answerOf(fast, signature, x)

  const { reason } = compareAnswers(named(expected), named(answer), TOLERANCE.engines)
  expect(reason).toBeUndefined()
})

test.each([[[]], [[2]], [[2, 1]], [[0, 3]]])(
  'text of %j is answered in its shape',
  async (shape) => {
    const x = stringTensor(
      Array.from({ length: sizeOf(shape) }, () => 'ÄB'),
      shape,
    )

    expect(await answerOf(fast, 'text', x)).toEqual(await answerOf(truth, 'text', x))
  },
)
