import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { openBundle, shardsInMemory, writeBundle } from './bundle/index.ts'
import { refusalOrNone } from './refusal.fixture.ts'
import {
  attr,
  type FunctionDef,
  GraphBuilder,
  type NodeDef,
  NOTHING_TO_LOAD,
  PREDICT_METHOD,
  type SavedModel,
} from './graph.ts'
import { inliner } from './inline.ts'
import { WireWriter } from './wire.ts'

const FLOAT = attr.type('DT_FLOAT')
const VALUE = floatTensor([1, 2, 3])

function checkpointOf(tensors: Record<string, Tensor>): NonNullable<SavedModel['checkpoint']> {
  const { index, data } = writeBundle(new Map(Object.entries(tensors)))
  return openBundle(
    index,
    shardsInMemory(() => data),
  )
}

interface Parts {
  /** Adds the nodes of the signature's output `y`; there is `x`, and the handle `w`. */
  build?: (to: GraphBuilder) => void
  handle?: NodeDef['attrs']
  tensors?: Record<string, Tensor>
  functions?: FunctionDef[]
  restoreOp?: string
}

const info = (name: string) => ({ name, dtype: 'DT_FLOAT', shape: undefined }) as const

/** A model of one variable `w`, restored from the key `kernel`. */
function modelOf({
  build,
  handle = {},
  tensors = { kernel: VALUE },
  functions,
  restoreOp = 'restored',
}: Parts): SavedModel {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT })
  to.add('VarHandleOp', 'w', [], { dtype: FLOAT, ...handle })
  to.constant('keys', stringTensor(['other', 'kernel'], [2]))
  to.constant('slices', stringTensor(['', ''], [2]))
  to.constant('prefix', stringTensor([''], []))
  to.add('RestoreV2', 'restore', ['prefix', 'keys', 'slices'])
  to.add('Identity', 'same', ['restore:1'])
  to.add('AssignVariableOp', 'assign', ['w', 'same'])
  to.add('NoOp', 'restored', ['^assign'])
  if (build !== undefined) build(to)
  else to.add('ReadVariableOp', 'y', ['w'], { dtype: FLOAT })
  return {
    tags: ['serve'],
    graph: {
      ...to.build(),
      ...(functions && { functions: new Map(functions.map((each) => [each.name, each])) }),
    },
    signatures: {
      main: { methodName: PREDICT_METHOD, inputs: { x: info('x:0') }, outputs: { y: info('y:0') } },
    },
    tensorflowVersion: '',
    loading: { ...NOTHING_TO_LOAD, restoreOp, checkpointPath: 'prefix:0' },
    checkpoint: checkpointOf(tensors),
    neededFiles: [],
  }
}

/** The nodes of the signature, without calls and variables. */
function nodesOf(model: SavedModel): ReadonlyMap<string, NodeDef> {
  const { main } = model.signatures
  if (main === undefined) throw new Error('there is no signature')
  return inliner(model)(main).nodes
}

const refusalOf = (model: SavedModel): string => refusalOrNone(() => nodesOf(model))

const constant = (value: Tensor) => ({
  op: 'Const',
  inputs: [],
  attrs: { value: { kind: 'tensor', value } },
})

test('a variable is the constant that the graph restores to it', () => {
  expect(nodesOf(modelOf({})).get('y')).toMatchObject(constant(VALUE))
})

test('a function reads the variable that it is called with', () => {
  const read = { name: 'read', op: 'ReadVariableOp', inputs: ['handle'], attrs: { dtype: FLOAT } }
  const f = {
    name: 'f',
    inputs: ['handle'],
    outputs: ['read:value:0'],
    effects: ['read'],
    nodes: [read],
  }
  const model = modelOf({
    build: (to) =>
      void to.add('StatefulPartitionedCall', 'y', ['w'], { f: { kind: 'function', value: 'f' } }),
    functions: [f],
  })
  const { main } = model.signatures
  const flat = main && inliner(model)(main)

  expect(flat?.signature.outputs['y']?.name).toBe('y / read:0')
  expect(flat?.nodes.get('y / read')).toMatchObject(constant(VALUE))
})

test('two handles of one shared name are one variable', () => {
  const shared = { shared_name: attr.string('weights') }
  const model = modelOf({
    handle: shared,
    build: (to) => {
      to.add('VarHandleOp', 'again', [], { dtype: FLOAT, ...shared })
      to.add('ReadVariableOp', 'y', ['again'], { dtype: FLOAT })
    },
  })

  expect(nodesOf(model).get('y')).toMatchObject(constant(VALUE))
})

/** What Python writes beside variables: the full name and the key of each. */
function objectGraph(...variables: [name: string, key: string][]): Tensor {
  const graph = new WireWriter()
  for (const [name, key] of variables) {
    const variable = new WireWriter().bytes(1, 'VARIABLE_VALUE').bytes(2, name).bytes(3, key)
    graph.message(1, new WireWriter().message(2, variable))
  }
  return { dtype: 'DT_STRING', shape: [], values: [graph.finish()] }
}

test.each<[string, [string, string][], string]>([
  ['is found by the name under which it was saved', [['dense/kernel', 'kernel']], 'none'],
  [
    'is refused where two were saved under it',
    [
      ['dense/kernel', 'kernel'],
      ['dense/kernel', 'other'],
    ],
    'UNTRANSLATABLE: VarHandleOp (node second): nothing restores it',
  ],
  [
    'is refused where none was',
    [['dense/bias', 'kernel']],
    'UNTRANSLATABLE: VarHandleOp (node second): nothing restores it',
  ],
])('a handle that nothing restores %s', (_name, saved, refusal) => {
  const model = modelOf({
    build: (to) => {
      to.add('VarHandleOp', 'second', [], {
        dtype: FLOAT,
        shared_name: attr.string('dense/kernel'),
      })
      to.add('ReadVariableOp', 'y', ['second'], { dtype: FLOAT })
    },
    tensors: { kernel: VALUE, other: VALUE, _CHECKPOINTABLE_OBJECT_GRAPH: objectGraph(...saved) },
  })

  expect(refusalOf(model)).toBe(refusal)
})

test('gathering from a variable becomes gathering from a constant, its shape a constant', () => {
  const model = modelOf({
    build: (to) => {
      to.constant('at', { dtype: 'DT_INT64', shape: [1], values: BigInt64Array.of(2n) })
      to.add('ResourceGather', 'rows', ['w', 'at'], {
        dtype: FLOAT,
        Tindices: attr.type('DT_INT64'),
        batch_dims: attr.int(0),
      })
      to.add('VariableShape', 'shape', ['w'], { out_type: attr.type('DT_INT64') })
      to.add('Pack', 'y', ['rows', 'shape'])
    },
  })
  const nodes = nodesOf(model)

  expect(nodes.get('rows')).toMatchObject({
    op: 'GatherV2',
    inputs: ['rows / variable:0', 'at:0', 'rows / axis:0'],
  })
  expect(nodes.get('rows / variable')).toMatchObject(constant(VALUE))
  expect(nodes.get('shape')).toMatchObject(
    constant({ dtype: 'DT_INT64', shape: [1], values: BigInt64Array.of(3n) }),
  )
})

test('variables of TensorFlow 1 are their own handles', () => {
  const model = modelOf({
    build: (to) => {
      to.add('VariableV2', 'old', [], { dtype: FLOAT })
      to.add('Assign', 'set', ['old', 'restore:1'])
      to.add('NoOp', 'all', ['^set'])
      to.add('Identity', 'y', ['old'], { T: FLOAT })
    },
    restoreOp: 'all',
  })

  expect(nodesOf(model).get('old')).toMatchObject(constant(VALUE))
})

test.each<[string, Parts, string]>([
  [
    'without a checkpoint of it',
    { tensors: {} },
    'NOT_A_SAVED_MODEL: the checkpoint has no variable kernel',
  ],
  [
    'that is not restored',
    { restoreOp: '' },
    'UNTRANSLATABLE: VarHandleOp (node w): nothing restores it',
  ],
  [
    'that a signature changes',
    {
      build: (to) => {
        to.add('AssignAddVariableOp', 'add', ['w', 'x'], { dtype: FLOAT })
        to.add('Identity', 'z', ['x', '^add'], { T: FLOAT })
        to.add('ReadVariableOp', 'y', ['w', '^z'], { dtype: FLOAT })
      },
    },
    'UNTRANSLATABLE: ReadVariableOp (node y): it waits for add, which is AssignAddVariableOp',
  ],
])('a variable %s is refused by name', (_name, parts, refusal) => {
  expect(refusalOf(modelOf(parts))).toBe(refusal)
})

test('what was saved under the name of a handle is what it holds', () => {
  const model = modelOf({
    build: (to) => {
      to.add('VarHandleOp', 'second', [], { dtype: FLOAT, shared_name: attr.string('dense/bias') })
      to.add('ReadVariableOp', 'y', ['second'], { dtype: FLOAT })
    },
    tensors: {
      kernel: floatTensor([4]),
      bias: VALUE,
      _CHECKPOINTABLE_OBJECT_GRAPH: objectGraph(['dense/kernel', 'kernel'], ['dense/bias', 'bias']),
    },
  })

  expect(nodesOf(model).get('y')).toMatchObject(constant(VALUE))
})
