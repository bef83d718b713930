// What fails in onnxruntime names the node of the graph, and not what it was translated to.

import { attr, GraphBuilder } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { afterAll, expect, test } from 'vitest'
import { loadServable } from './load.ts'
import { inTermsOf } from './onnx-faults.ts'
import { FLOAT, INT32 } from './sample-case.ts'
import { startFolder } from './sample-folder.ts'
import { addInts, info, modelBytes } from './sample-models.ts'
import { int32 } from './sample-tensors.ts'

const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const outline = (name: string) => info(name, 'DT_FLOAT', [-1, -1])

/** Two products of two matrices: as they are, and with the second one turned. */
async function load() {
  const to = new GraphBuilder()
  for (const name of ['a', 'b']) to.add('Placeholder', name, [], { dtype: FLOAT })
  addInts(to, { order: [1, 0] })
  to.add('Transpose', 'turned', ['b', 'order'], { T: FLOAT, Tperm: INT32 })
  to.add('MatMul', 'tower/plain', ['a', 'b'], { T: FLOAT })
  to.add('MatMul', 'tower/by_turned', ['a', 'turned'], { T: FLOAT })
  const inputs = { a: outline('a:0'), b: outline('b:0') }
  const bytes = modelBytes(to, {
    plain: { inputs, outputs: { y: outline('tower/plain:0') } },
    turned: { inputs, outputs: { y: outline('tower/by_turned:0') } },
  })
  return await loadServable(await folder.add(bytes), { engine: 'onnx' })
}

const matrix = (rows: number, columns: number) =>
  floatTensor(new Float32Array(rows * columns), [rows, columns])

test.each([
  ['plain', matrix(2, 3), 'MatMul (node tower/plain): '],
  // onnxruntime makes one node of the product and the turn.
  ['turned', matrix(3, 2), 'MatMul (node tower/by_turned): '],
])('of the signature %s', async (signature, b, label) => {
  const model = await load()
  const run = async () => await model.run(signature, { a: matrix(2, 3), b })

  const why = expect.stringMatching(/MatMul dimension mismatch$/)
  await expect(run()).rejects.toMatchObject({ code: 'RUN_FAILED', cause: { message: why } })
  const node = expect.stringContaining(label)
  await expect(run()).rejects.toMatchObject({ cause: { message: node } })
  await model.close()
})

test('a convolution that onnxruntime lays out anew is named, though it calls it after what it gives', async () => {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT })
  to.constant('kernel', floatTensor(new Float32Array(3 * 3 * 16 * 16), [3, 3, 16, 16]))
  const attrs = { T: FLOAT, strides: attr.ints([1, 1, 1, 1]), padding: attr.string('VALID') }
  to.add('Conv2D', 'tower/convolution', ['x', 'kernel'], attrs)
  const images = [-1, -1, -1, 16]
  const inputs = { x: info('x:0', 'DT_FLOAT', images) }
  const outputs = { y: info('tower/convolution:0', 'DT_FLOAT', images) }
  const directory = await folder.add(modelBytes(to, { main: { inputs, outputs } }))
  const model = await loadServable(directory, { engine: 'onnx' })
  const x = floatTensor(new Float32Array(2 * 2 * 16), [1, 2, 2, 16])

  const why = expect.stringMatching(/^Conv2D \(node tower\/convolution\): /)
  await expect(model.run('main', { x })).rejects.toMatchObject({ cause: { message: why } })
  await model.close()
})

test.each([
  ["a node Name:'n1.2' Status Message: src/a.h:84 too few", 'second: too few'],
  ["a node Name:'n0.7/Fusion/' Status Message: a: b", 'first: a: b'],
  ['no kernel for Foo(18) (node name: n1.0)', 'second: no kernel for Foo(18) (node name: n1.0)'],
  ["a node Name:'n2.0' Status Message: of nobody", undefined],
  ['out of memory', undefined],
])('%s', (message, want) => {
  const fault = inTermsOf(['first', 'second'], new Error(message))

  expect(fault).toHaveProperty('message', want ?? message)
})

test('an operand with fewer dimensions than labels is refused, where onnxruntime ends the process', async () => {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT })
  to.add('Placeholder', 'shape', [], { dtype: INT32 })
  to.add('Reshape', 'shaped', ['x', 'shape'], { T: FLOAT, Tshape: INT32 })
  const equation = attr.string('bii->bi')
  to.add('Einsum', 'diagonal', ['shaped'], { T: FLOAT, N: attr.int(1), equation })
  const inputs = { x: info('x:0', 'DT_FLOAT', [-1]), shape: info('shape:0', 'DT_INT32', [-1]) }
  const outputs = { y: info('diagonal:0', 'DT_FLOAT', 'unknown') }
  const directory = await folder.add(modelBytes(to, { main: { inputs, outputs } }))
  const model = await loadServable(directory, { engine: 'onnx' })
  const x = floatTensor([1, 2, 3, 4])
  const run = async (...shape: number[]) => await model.run('main', { x, shape: int32(shape) })

  const why = expect.stringContaining('Einsum (node diagonal): ')
  for (const shape of [[4], [2, 2], [1, 1, 2, 2]])
    await expect(run(...shape)).rejects.toMatchObject({ cause: { message: why } })

  const { y } = await run(1, 2, 2)
  expect(y?.values).toEqual(Float32Array.of(1, 4))
  await model.close()
})
