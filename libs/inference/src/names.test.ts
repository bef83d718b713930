// Signatures and their tensors may be called whatever objects have of themselves.

import { attr, GraphBuilder } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { FLOAT } from './sample-case.ts'
import { info, modelBytes } from './sample-models.ts'

const { tensorflow, folder } = await startAround()

/** A model whose only signature has a name, and both of whose tensors have another one. */
function modelOf(name: string, alias: string): Uint8Array {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([-1]) })
  to.add('Neg', 'y', ['x'], { T: FLOAT })
  const signature = {
    inputs: Object.fromEntries([[alias, info('x:0', 'DT_FLOAT')]]),
    outputs: Object.fromEntries([[alias, info('y:0', 'DT_FLOAT')]]),
  }
  return modelBytes(to, Object.fromEntries([[name, signature]]))
}

test.each([
  ['__proto__', 'x'],
  ['x', '__proto__'],
  ['constructor', 'constructor'],
  ['hasOwnProperty', 'toString'],
])('the signature %s of %s is one as any other, in every engine', async (name, alias) => {
  const directory = await folder.add(modelOf(name, alias))

  for (const engine of ['fast', 'onnx', 'tensorflow'] as const) {
    const servable = await loadServable(directory, { engine, tensorflow })
    const answer = await servable.run(name, { [alias]: floatTensor([1, -2]) })
    await servable.close()

    expect([servable.engine, Object.entries(answer)]).toEqual([
      engine === 'fast' ? 'kernel' : engine,
      [[alias, floatTensor([-1, 2])]],
    ])
  }
})
