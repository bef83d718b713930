// TensorFlow's addon frees the strings of tensors that are deleted: those that it made itself, and none
// that stand in the graph as well.

import { attr, GraphBuilder } from '@drover/saved-model'
import { stringTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { loadServable } from './load.ts'
import { startFolder } from './sample-folder.ts'
import { info, modelBytes } from './sample-models.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

/** Longer than what TensorFlow keeps within a string itself. */
const LONG = 'of more than twenty-two bytes, '.repeat(3)
const ROUNDS = 20

function textModel(): Uint8Array {
  const to = new GraphBuilder()
  const type = attr.type('DT_STRING')
  to.add('Placeholder', 'x', [], { dtype: type, shape: attr.shape([-1]) })
  to.constant('labels', stringTensor([LONG, 'short', '', LONG + LONG]))
  to.constant('more', stringTensor(['a', 'b', 'c', 'd']))
  to.add('Identity', 'same', ['labels'], { T: type })
  to.add('StringJoin', 'joined', ['labels', 'more'], { N: attr.int(2) })
  to.add('Identity', 'given', ['x'], { T: type })
  const outputs = Object.fromEntries(
    ['labels', 'same', 'joined', 'given'].map((name) => [name, info(`${name}:0`, 'DT_STRING')]),
  )
  const inputs = { x: info('x:0', 'DT_STRING') }
  return modelBytes(to, { serving_default: { inputs, outputs } })
}

test('texts that stand in the graph are the same at each request', async () => {
  await using folder = await startFolder()
  await using tensorflow = startTensorflowHost()
  const directory = await folder.add(textModel())
  const model = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  const x = stringTensor(['given', LONG])
  const labels = stringTensor([LONG, 'short', '', LONG + LONG])
  const joined = stringTensor([`${LONG}a`, 'shortb', 'c', `${LONG}${LONG}d`])

  for (let round = 0; round < ROUNDS; round++)
    expect(await model.run('serving_default', { x })).toEqual({
      labels,
      same: labels,
      joined,
      given: x,
    })
  await model.close()
})
