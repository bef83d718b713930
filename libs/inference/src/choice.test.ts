import {
  attr,
  type FunctionDef,
  GraphBuilder,
  type NodeDef,
  readSavedModel,
  unsafeIn,
} from '@drover/saved-model'
import { expect, test } from 'vitest'
import { choose, chooseUnread, passedOverBy } from './choice.ts'
import { InferenceError } from './errors.ts'
import { KernelMemory } from './kernel/memory.ts'
import { denseModel, foreignModel, info, modelBytes, tabularModel } from './sample-models.ts'

const chosen = (bytes: Uint8Array, asked: Parameters<typeof choose>[1]) => {
  const { engine, passedOver } = choose(readSavedModel(bytes), asked, new KernelMemory())
  return { engine, passedOver }
}

const COSTLY = { engine: 'kernel', reason: 'a row costs 4200000 multiply-adds' }
const FOREIGN = { engine: 'onnx', reason: 'Lgamma (node y): it has no translation' }

test.each<[string, () => Uint8Array, Parameters<typeof choose>[1], object]>([
  ['a kernel where they are able', tabularModel, 'auto', { engine: 'kernel', passedOver: [] }],
  [
    'onnx where a row costs too much for a kernel',
    () => denseModel([2_100, 2_000]),
    'auto',
    { engine: 'onnx', passedOver: [COSTLY] },
  ],
  [
    'TensorFlow for the rest, with the operation and the node',
    foreignModel,
    'auto',
    { engine: 'tensorflow', passedOver: [expect.objectContaining({ engine: 'kernel' }), FOREIGN] },
  ],
  ['onnx where no kernel is asked for', tabularModel, 'onnx', { engine: 'onnx', passedOver: [] }],
  [
    'TensorFlow where it is asked for',
    tabularModel,
    'tensorflow',
    { engine: 'tensorflow', passedOver: [] },
  ],
])('what runs a model is %s', (_, bytes, asked, expected) => {
  expect(chosen(bytes(), asked)).toEqual(expected)
})

test.each<[string, () => Uint8Array, Parameters<typeof choose>[1], object | undefined]>([
  [
    'TensorFlow for an operation of its own',
    foreignModel,
    'auto',
    { engine: 'tensorflow', passedOver: [{ ...FOREIGN, engine: 'kernel' }, FOREIGN] },
  ],
  [
    'TensorFlow where it is asked for',
    tabularModel,
    'tensorflow',
    { engine: 'tensorflow', passedOver: [] },
  ],
  ['not known where another may', tabularModel, 'auto', undefined],
  ['not known where another has to refuse it', foreignModel, 'fast', undefined],
])('without its variables, what runs a model is %s', (_, bytes, asked, expected) => {
  expect(chooseUnread(readSavedModel(bytes()), asked)).toEqual(expected)
})

test.each(['fast', 'onnx'] as const)('%s alone refuses what only TensorFlow runs', (asked) => {
  expect(() => chosen(foreignModel(), asked)).toThrow(
    expect.objectContaining({ code: 'UNTRANSLATABLE' }),
  )
})

/** A model that doubles `x`, with nodes and functions beside that which no signature runs. */
function helpedModel(): Uint8Array {
  const T = attr.type('DT_FLOAT')
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: T, shape: attr.shape([-1]) })
  to.add('AddV2', 'y', ['x', 'x'], { T })
  to.add('Lgamma', 'beside', ['x'], { T })
  to.add('StatefulPartitionedCall', 'trained', ['x'], { f: attr.function('helper') })
  const node = (op: string, name: string, ...inputs: string[]): NodeDef => ({
    name,
    op,
    inputs,
    attrs: { T },
  })
  const helper: FunctionDef = {
    name: 'helper',
    inputs: ['a'],
    outputs: ['made:y:0'],
    effects: ['kept'],
    nodes: [node('Lgamma', 'made', 'a'), node('AssignAddVariableOp', 'kept', 'a', 'made:y:0')],
    types: { inputs: ['DT_FLOAT'], outputs: ['DT_FLOAT'] },
  }
  const [inputs, outputs] = [{ x: info('x:0', 'DT_FLOAT') }, { y: info('y:0', 'DT_FLOAT') }]
  return modelBytes(
    to,
    { serving_default: { inputs, outputs } },
    new Map([
      ['helper', helper],
      ['uncalled', { ...helper, name: 'uncalled' }],
    ]),
  )
}

test('what no signature runs does not tell what runs a model', () => {
  expect(chosen(helpedModel(), 'auto')).toEqual({ engine: 'kernel', passedOver: [] })
  expect(chosen(helpedModel(), 'onnx').engine).toBe('onnx')
  expect(chooseUnread(readSavedModel(helpedModel()), 'auto')).toBeUndefined()
  expect(unsafeIn(readSavedModel(helpedModel()))).toBeUndefined()
})

test('what fails by itself is no reason to take another engine', () => {
  const failure = new InferenceError('RUN_FAILED', 'it broke')

  expect(() => passedOverBy(failure, 'auto')).toThrow(failure)
})
