import type { Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { openBundle, shardsInMemory, writeBundle } from './bundle/index.ts'
import { checkpointFault } from './checkpoint-fault.ts'
import { attr, GraphBuilder, type SavedModel } from './graph.ts'
import { readSavedModel } from './read.ts'
import { doubledKeys } from './restored.ts'
import { writeSavedModel } from './write.ts'
import { VariableBuilder } from './write-variables.ts'

const floats = (...values: number[]): Tensor => ({
  dtype: 'DT_FLOAT',
  shape: [values.length],
  values: Float32Array.from(values),
})
const [ONE, TWO] = [floats(1, 2), floats(3, 4)]

/** A model with the variables `a` and `b`, of which `b` begins as `a` is; its checkpoint has other tensors. */
function modelWith(
  tensors: Record<string, Tensor>,
  damage?: (data: Uint8Array) => void,
): SavedModel {
  const to = new GraphBuilder()
  const variables = new VariableBuilder(to)
  const read = variables.add('a', ONE)
  variables.add('b', ONE)
  to.add('AssignVariableOp', 'b/Assign', ['b', read], { dtype: attr.type('DT_FLOAT') })
  const { saver } = variables.finish()
  const model = readSavedModel(writeSavedModel({ graph: to.build(), signatures: {}, saver }))
  const { index, data } = writeBundle(new Map(Object.entries(tensors)))
  damage?.(data)
  return {
    ...model,
    checkpoint: openBundle(
      index,
      shardsInMemory(() => data),
    ),
  }
}

test('a checkpoint with all variables can be restored', () => {
  expect(checkpointFault(modelWith({ a: ONE, b: TWO }))).toBeUndefined()
})

const WRONG: [string, SavedModel, string][] = [
  ['is missing', modelWith({ a: ONE }), 'the checkpoint has no variable b'],
  [
    'has another type',
    modelWith({ a: ONE, b: { dtype: 'DT_INT32', shape: [1], values: Int32Array.of(1) } }),
    'the checkpoint has b as DT_INT32, and save/RestoreV2 asks for DT_FLOAT',
  ],
  [
    'is damaged',
    modelWith({ a: ONE, b: TWO }, (data) => data.fill(7)),
    'a, in the shard 0, does not have the checksum of the index',
  ],
]

test.each(WRONG)('a variable that %s is named', (_name, model, fault) => {
  expect(checkpointFault(model)?.message).toBe(fault)
})

test('of two handles that hold the same the copy is counted as doubled', () => {
  expect([...doubledKeys(modelWith({ a: ONE, b: ONE }))]).toEqual(['b'])
})

test('two that were trained apart are two', () => {
  expect([...doubledKeys(modelWith({ a: ONE, b: TWO }))]).toEqual([])
})
