// Quotients that are rounded down right away: TensorFlow multiplies by what one divided by a constant is, and the
// fast engines come to the same whole numbers.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  attr,
  GraphBuilder,
  PREDICT_METHOD,
  VariableBuilder,
  writeSavedModel,
} from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { FLOAT } from './sample-case.ts'
import { info } from './sample-models.ts'

const { tensorflow, folder } = await startAround()

const T = { T: FLOAT }

/** Sizes that images are to have, by how a size of one is divided by another: all of them are that size. */
async function addModel(): Promise<string> {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([-1]) })
  to.constant('constant', floatTensor([24], []))
  const variables = new VariableBuilder(to)
  const variable = variables.add('variable', floatTensor([24], []))
  to.add('Add', 'sum', [variable, 'constant'], T)
  for (const [name, divisor] of Object.entries({ constant: 'constant', variable, sum: 'sum' })) {
    to.add('RealDiv', `by/${name}`, ['x', divisor], T)
    to.add('RealDiv', `ratio/${name}`, ['x', `by/${name}`], T)
    to.add('Floor', `size/${name}`, [`ratio/${name}`], T)
  }
  to.constant('tenth', floatTensor([0.1], []))
  to.add('FloorDiv', 'tenths', ['x', 'tenth'], T)
  const outputs = Object.fromEntries(
    ['size/constant', 'size/variable', 'size/sum', 'tenths'].map((name) => [
      name,
      info(`${name}:0`, 'DT_FLOAT'),
    ]),
  )
  const signature = { methodName: PREDICT_METHOD, inputs: { x: info('x:0', 'DT_FLOAT') }, outputs }
  const { saver, files } = variables.finish()
  const bytes = writeSavedModel({
    graph: { ...to.build(), functions: new Map() },
    signatures: { serving_default: signature },
    saver,
  })
  const directory = await folder.add(bytes)
  for (const [path, file] of files) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), file)
  }
  return directory
}

test('a size is made of a quotient as TensorFlow makes it, by a constant and by a variable', async () => {
  const directory = await addModel()
  const x = floatTensor(Array.from({ length: 400 }, (_, at) => at + 1))
  await using truth = await loaded(directory, 'tensorflow')
  const expected = await truth.run({ x })

  const answers = []
  for (const engine of ['fast', 'onnx'] as const) {
    await using servable = await loaded(directory, engine)
    answers.push([servable.engine, await servable.run({ x })])
  }

  expect(answers).toEqual([
    ['kernel', expected],
    ['onnx', expected],
  ])
  const sizes = Array.from(expected['size/constant']?.values ?? [], Number)
  expect(new Set(sizes)).toEqual(new Set([23, 24]))
  expect(expected['size/variable']).not.toEqual(expected['size/constant'])
})

async function loaded(directory: string, engine: 'fast' | 'onnx' | 'tensorflow') {
  const servable = await loadServable(directory, { engine, tensorflow })
  return {
    engine: servable.engine,
    run: async (inputs: Parameters<typeof servable.run>[1]) =>
      await servable.run('serving_default', inputs),
    [Symbol.asyncDispose]: async () => await servable.close(),
  }
}
