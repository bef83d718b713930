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
import { needsMending } from './mend.ts'

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

/** The handle `second` is what `w` begins with, as Keras 3 writes each weight. */
function addTwin(to: GraphBuilder, name = 'second', of = 'w'): void {
  to.add('VarHandleOp', name, [], { dtype: FLOAT })
  to.add('ReadVariableOp', `${name}/initial`, [name], { dtype: FLOAT })
  to.add('AssignVariableOp', `${name}/begin`, [of, `${name}/initial`])
}

const addRead = (to: GraphBuilder) => to.add('ReadVariableOp', 'y', ['second'], { dtype: FLOAT })

test('a handle that nothing restores holds what the one holds that begins with it', () => {
  const model = modelOf({
    build: (to) => {
      addTwin(to)
      addRead(to)
    },
  })

  expect(nodesOf(model).get('y')).toMatchObject(constant(VALUE))
  expect(needsMending(model)).toBe(true)
})

test.each<[string, (to: GraphBuilder) => void, string[]]>([
  ['that nothing begins with', (to) => to.add('VarHandleOp', 'second', [], { dtype: FLOAT }), []],
  [
    'with which one begins that nothing restores either',
    (to) => {
      to.add('VarHandleOp', 'other', [], { dtype: FLOAT })
      addTwin(to, 'second', 'other')
    },
    [],
  ],
  [
    'that has a beginning of its own',
    (to) => {
      addTwin(to)
      to.constant('zero', VALUE)
      to.add('AssignVariableOp', 'set', ['second', 'zero'])
    },
    [],
  ],
  [
    'with which two begin',
    (to) => {
      to.add('VarHandleOp', 'third', [], { dtype: FLOAT, shared_name: attr.string('w') })
      addTwin(to)
      to.add('AssignVariableOp', 'third/begin', ['third', 'second/initial'])
    },
    [],
  ],
  [
    'that is set when the model is loaded',
    (to) => {
      addTwin(to)
      to.constant('zero', VALUE)
      to.add('StatefulPartitionedCall', 'init', ['second', 'zero'], {
        f: { kind: 'function', value: 'set' },
      })
    },
    ['init'],
  ],
])('a handle %s is refused', (_name, build, initOps) => {
  const set = { name: 'set', op: 'AssignVariableOp', inputs: ['handle', 'value'], attrs: {} }
  const model = modelOf({
    build: (to) => {
      build(to)
      addRead(to)
    },
    functions: [
      { name: 'set', inputs: ['handle', 'value'], outputs: [], effects: ['set'], nodes: [set] },
    ],
  })
  const whole = { ...model, loading: { ...model.loading, initOps } }

  expect(refusalOf(whole)).toBe('UNTRANSLATABLE: VarHandleOp (node second): nothing restores it')
  expect(needsMending(whole)).toBe(false)
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
      to.add('ResourceGatherNd', 'places', ['w', 'at'], {
        dtype: FLOAT,
        Tindices: attr.type('DT_INT64'),
      })
      to.add('Pack', 'y', ['rows', 'shape', 'places'])
    },
  })
  const nodes = nodesOf(model)

  expect(nodes.get('rows')).toMatchObject({
    op: 'GatherV2',
    inputs: ['rows / variable:0', 'at:0', 'rows / axis:0'],
  })
  expect(nodes.get('rows / variable')).toMatchObject(constant(VALUE))
  expect(nodes.get('places')).toMatchObject({
    op: 'GatherNd',
    inputs: ['places / variable:0', 'at:0'],
  })
  expect(nodes.get('places / variable')).toMatchObject(constant(VALUE))
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

test('variables are parts of what is stored', () => {
  const model = modelOf({
    build: (to) => {
      to.constant('names', stringTensor(['kernel', 'kernel']))
      to.constant('parts', stringTensor(['3 0,2', '3 2,1']))
      to.add('RestoreV2', 'read', ['prefix', 'names', 'parts'])
      for (const at of [0, 1]) {
        to.add('VariableV2', `part${at}`, [], { dtype: FLOAT })
        to.add('Assign', `set${at}`, [`part${at}`, `read:${at}`])
      }
      to.add('NoOp', 'all', ['^set0', '^set1'])
      to.add('Pack', 'y', ['part0', 'part1'])
    },
    restoreOp: 'all',
  })
  const nodes = nodesOf(model)

  expect(nodes.get('part0')).toMatchObject(constant(floatTensor([1, 2])))
  expect(nodes.get('part1')).toMatchObject(constant(floatTensor([3])))
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
    'UNTRANSLATABLE: ReadVariableOp (node y): it waits for AssignAddVariableOp (node add), which has an effect',
  ],
])('a variable %s is refused by name', (_name, parts, refusal) => {
  expect(refusalOf(modelOf(parts))).toBe(refusal)
})
