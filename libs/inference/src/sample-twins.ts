// A model whose variable has two handles, as Keras 3 writes it by `tf.saved_model.save`: what is read is
// not what is restored.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attr, GraphBuilder, writeBundle } from '@drover/saved-model'
import { floatTensor, stringTensor } from '@drover/serving-api'
import { info, modelBytes } from './sample-models.ts'

const FLOAT = { dtype: attr.type('DT_FLOAT') }

/** Writes the model, which multiplies by `weights`; beside it are nodes of these names. */
export async function addTwinModel(
  folder: { add(bytes: Uint8Array): Promise<string> },
  weights: readonly number[],
  names: readonly string[] = [],
): Promise<string> {
  const directory = await folder.add(withSaver(twinGraph(weights.length, names)))
  const { index, data } = writeBundle(new Map([['kernel', floatTensor(weights)]]))
  await mkdir(join(directory, 'variables'))
  await writeFile(join(directory, 'variables/variables.index'), index)
  await writeFile(join(directory, 'variables/variables.data-00000-of-00001'), data)
  return directory
}

function twinGraph(length: number, names: readonly string[]): Uint8Array {
  const to = new GraphBuilder()
  for (const name of names) to.add('NoOp', name, [])
  const handle = { ...FLOAT, shape: attr.shape([length]) }
  to.add('VarHandleOp', 'dense/kernel', [], { ...handle, shared_name: attr.string('dense/kernel') })
  to.add('ReadVariableOp', 'Variable/Initializer', ['dense/kernel'], FLOAT)
  to.add('VarHandleOp', 'Variable', [], { ...handle, shared_name: attr.string('Variable') })
  to.add('AssignVariableOp', 'Variable/Assign', ['Variable', 'Variable/Initializer'], FLOAT)
  to.add('Placeholder', 'prefix', [], { dtype: attr.type('DT_STRING'), shape: attr.shape([]) })
  to.constant('keys', stringTensor(['kernel']))
  to.constant('slices', stringTensor(['']))
  to.add('RestoreV2', 'read', ['prefix', 'keys', 'slices'], { dtypes: attr.types(['DT_FLOAT']) })
  to.add('AssignVariableOp', 'assign', ['Variable', 'read'], FLOAT)
  to.add('NoOp', 'restore', ['^assign'])
  to.add('Placeholder', 'x', [], { ...FLOAT, shape: attr.shape([-1]) })
  to.add('ReadVariableOp', 'kernel', ['dense/kernel'], FLOAT)
  to.add('Mul', 'y', ['x', 'kernel'], { T: FLOAT.dtype })
  const [x, y] = [info('x:0', 'DT_FLOAT'), info('y:0', 'DT_FLOAT')]
  return modelBytes(to, { serving_default: { inputs: { x }, outputs: { y } } })
}

/** The same file with what TensorFlow runs to restore it: a field more of its one graph. */
function withSaver(bytes: Uint8Array): Uint8Array {
  // Behind the version of the format and the length of the graph.
  const start = 1 + bytes.findIndex((byte, at) => at > 2 && byte < 128)
  const saver = Buffer.concat([field(1, 'prefix:0'), field(3, 'restore')])
  const metaGraph = Buffer.concat([bytes.subarray(start), field(3, saver)])
  return Buffer.concat([bytes.subarray(0, 2), field(2, metaGraph)])
}

function field(number: number, value: string | Uint8Array): Buffer {
  const length: number[] = []
  for (let rest = Buffer.byteLength(value); length.length < 2; rest >>>= 7)
    length.push((rest & 127) | (length.length === 0 ? 128 : 0))
  return Buffer.concat([Buffer.of(number * 8 + 2, ...length), Buffer.from(value)])
}
