import { expect, test } from 'vitest'
import {
  attr,
  type FunctionDef,
  GraphBuilder,
  NOTHING_TO_LOAD,
  PREDICT_METHOD,
  type SavedModel,
} from './index.ts'
import { keepsState } from './state.ts'

const FLOAT = attr.type('DT_FLOAT')

const info = (name: string) => ({ name, dtype: 'DT_FLOAT', shape: [] }) as const

/** An attribute that names a function. */
const calls = (value: string) => ({ kind: 'function', value }) as const

/** A function of these operations, each with the function that it calls. */
function functionOf(name: string, ops: [op: string, called?: string][]): FunctionDef {
  const nodes = ops.map(([op, called]) => ({
    name: `${name}/${op}`,
    op,
    inputs: [],
    attrs: called === undefined ? {} : { f: calls(called) },
  }))
  return { name, inputs: [], outputs: [], effects: [], nodes }
}

/** A model that answers `y`, with these functions beside its graph. */
function modelOf(
  build: (builder: GraphBuilder) => void,
  functions: FunctionDef[] = [],
): SavedModel {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([]) })
  build(builder)
  const named = new Map(functions.map((each) => [each.name, each]))
  return {
    tags: ['serve'],
    graph: { ...builder.build(), functions: named },
    signatures: {
      serving_default: {
        methodName: PREDICT_METHOD,
        inputs: { x: info('x:0') },
        outputs: { y: info('y:0') },
      },
    },
    tensorflowVersion: '',
    loading: NOTHING_TO_LOAD,
    neededFiles: [],
  }
}

const call = (name: string) => (builder: GraphBuilder) =>
  void builder.add('StatefulPartitionedCall', 'y', ['x'], { f: calls(name) })
const serve = (...ops: Parameters<typeof functionOf>[1]) => functionOf('serve', ops)

test.each<[string, SavedModel]>([
  ['an assignment in the graph', modelOf((to) => void to.add('AssignAdd', 'y', ['x', 'x']))],
  [
    'an assignment that a node only waits for',
    modelOf((to) => {
      to.add('AssignVariableOp', 'set', ['x', 'x'])
      to.add('Identity', 'y', ['x', '^set'], { T: FLOAT })
    }),
  ],
  ['one in a function', modelOf(call('serve'), [serve(['AssignAddVariableOp'])])],
  [
    'one in a function of a function',
    modelOf(call('serve'), [
      serve(['While', 'body']),
      functionOf('body', [['LookupTableInsertV2']]),
    ]),
  ],
  [
    'one in a function that is an operation',
    modelOf((to) => void to.add('serve', 'y', ['x']), [serve(['ResourceScatterAdd'])]),
  ],
])('%s keeps state', (_, model) => {
  expect(keepsState(model)).toBe(true)
})

test.each<[string, SavedModel]>([
  ['reading variables', modelOf(call('serve'), [serve(['ReadVariableOp'], ['ResourceGather'])])],
  [
    'what only restores variables',
    modelOf(call('serve'), [
      serve(['ReadVariableOp']),
      functionOf('restore', [['AssignVariableOp']]),
    ]),
  ],
  [
    'an assignment that no signature reaches',
    modelOf((to) => {
      to.add('AssignVariableOp', 'set', ['x', 'x'])
      to.add('Identity', 'y', ['x'], { T: FLOAT })
    }),
  ],
  ['functions that call each other for ever', modelOf(call('serve'), [serve(['If', 'serve'])])],
])('%s keeps none', (_, model) => {
  expect(keepsState(model)).toBe(false)
})
