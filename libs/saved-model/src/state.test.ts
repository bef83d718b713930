import { expect, test } from 'vitest'
import { attr, GraphBuilder, PREDICT_METHOD, type SavedModel } from './index.ts'
import { keepsState } from './state.ts'
import { WireWriter } from './wire.ts'

const FLOAT = attr.type('DT_FLOAT')

const info = (name: string) => ({ name, dtype: 'DT_FLOAT', shape: [] }) as const

/** An attribute that names a function. */
const calls = (name: string) =>
  ({
    kind: 'other',
    value: new WireWriter().message(10, new WireWriter().bytes(1, name)).finish(),
  }) as const

/** A function of these operations, each with the function that it calls. */
function functionOf(name: string, ops: [op: string, called?: string][]): WireWriter {
  const writer = new WireWriter().message(1, new WireWriter().bytes(1, name))
  for (const [op, called] of ops) {
    const node = new WireWriter().bytes(1, `${name}/${op}`).bytes(2, op)
    if (called !== undefined)
      node.message(5, new WireWriter().bytes(1, 'f').bytes(2, calls(called).value))
    writer.message(3, node)
  }
  return writer
}

/** A model that answers `y`, with these functions beside its graph. */
function modelOf(build: (builder: GraphBuilder) => void, functions: WireWriter[] = []): SavedModel {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([]) })
  build(builder)
  const library = new WireWriter()
  for (const each of functions) library.message(1, each)
  return {
    tags: ['serve'],
    graph: { ...builder.build(), library: library.finish() },
    signatures: {
      serving_default: {
        methodName: PREDICT_METHOD,
        inputs: { x: info('x:0') },
        outputs: { y: info('y:0') },
      },
    },
    tensorflowVersion: '',
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
