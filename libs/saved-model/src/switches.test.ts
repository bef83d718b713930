import { expect, test } from 'vitest'
import { calls, functionOf, linesOf, node } from './flatten.fixture.ts'
import { flatten } from './flatten.ts'
import { attr, type FunctionDef, GraphBuilder, type GraphDef, type NodeDef } from './graph.ts'
import { refusalOrNone } from './refusal.fixture.ts'

const FED = new Set(['x:0', 'p:0', 'q:0'])
const placeholders = ['x', 'p', 'q'].map((name) => node(name, 'Placeholder', []))
/** Sends `x` where `p` says. */
const sent = node('sent', 'Switch', ['x', 'p'])
const other = node('other', 'Switch', ['x', 'q'])
const merged = node('y', 'Merge', ['sent', 'sent:1'])

const graphOf = (nodes: NodeDef[], functions: FunctionDef[] = []): GraphDef => ({
  nodes: [...placeholders, ...nodes],
  versions: new GraphBuilder().build().versions,
  functions: new Map(functions.map((each) => [each.name, each])),
})

test('what is sent one way or the other is a condition, with a scope for each branch', () => {
  const neg = node('neg', 'Neg', ['sent:1'])
  const merge = node('y', 'Merge', ['sent', 'neg'])
  const { nodes, scopes, tensors } = flatten(graphOf([sent, neg, merge]), ['y:0'], FED)

  expect(tensors.get('y:0')).toBe('condition 0:0')
  expect(linesOf(nodes)).toEqual([
    'condition 0 / branch = branch index(condition 0 / number:0)',
    'condition 0 / not = LogicalNot(p:0)',
    'condition 0 / number = Cast(condition 0 / not:0)',
    'condition 0 = branch output(condition 0 / branch:0, neg:0, x:0)',
    'neg = Neg(x:0)',
  ])
  expect([...scopes]).toEqual([
    ['neg', { choice: 'condition 0 / branch:0', branch: 0, within: undefined, depth: 1 }],
  ])
})

test('a node that is fed stands in no branch, whatever it would come from', () => {
  const neg = node('neg', 'Neg', ['sent:1'])
  const { nodes } = flatten(
    graphOf([sent, neg, merged, node('z', 'Tanh', ['neg'])]),
    ['z:0'],
    new Set([...FED, 'neg:0']),
  )

  expect(linesOf(nodes)).toEqual(['z = Tanh(neg:0)'])
})

test('conditions in a long row are taken apart without recursion', () => {
  const row = Array.from({ length: 5_000 }, (_, at) =>
    node(`n${at}`, 'Neg', [at === 0 ? 'sent:1' : `n${at - 1}`]),
  )
  const merge = node('y', 'Merge', ['sent', 'n4999'])

  expect(flatten(graphOf([sent, ...row, merge]), ['y:0'], FED).scopes.size).toBe(5_000)
})

const branch = functionOf('f', [node('n', 'Neg', ['a'])], ['n:y:0'])
/** As `tf.Assert` of TensorFlow 1 checks only where a condition does not hold. */
const guarded = [
  sent,
  node('check', 'Assert', ['p', 'sent:1']),
  node('passed', 'Identity', ['sent:1', '^check']),
  node('guard', 'Merge', ['sent', 'passed']),
  node('z', 'Neg', ['x', '^guard']),
]

test.each<[string, NodeDef[], string, string]>([
  [
    'an answer that may not be there',
    [sent, merged],
    'sent:1',
    'Switch (node sent): it may not run',
  ],
  [
    'a number of a branch',
    [sent, merged],
    'y:1',
    'Merge (node y): somebody takes the number of its branch',
  ],
  [
    'one way alone',
    [sent, node('y', 'Merge', ['sent:1', 'sent:1'])],
    'y:0',
    'Merge (node y): it does not take what both branches of one condition make',
  ],
  [
    'what was not sent',
    [sent, node('y', 'Merge', ['sent', 'x'])],
    'y:0',
    'Merge (node y): it does not take what both',
  ],
  [
    'three ways',
    [sent, node('y', 'Merge', ['sent', 'sent:1', 'sent'])],
    'y:0',
    'Merge (node y): it does not take what both',
  ],
  [
    'two conditions at once',
    [sent, other, node('sum', 'AddV2', ['sent', 'other']), node('y', 'Merge', ['sum', 'sent:1'])],
    'y:0',
    'AddV2 (node sum): it takes what two conditions decide about',
  ],
  [
    'both branches of one',
    [sent, node('sum', 'AddV2', ['sent', 'sent:1']), node('y', 'Merge', ['sum', 'sent:1'])],
    'y:0',
    'AddV2 (node sum): it takes what two conditions decide about',
  ],
  [
    'a loop',
    [
      node('in', 'Merge', ['x', 'next']),
      node('turn', 'Switch', ['in', 'p']),
      node('next', 'NextIteration', ['turn:1']),
      node('y', 'Exit', ['turn']),
    ],
    'y:0',
    'it is part of a loop',
  ],
  [
    'a condition of functions in a branch',
    [
      sent,
      node('if', 'StatelessIf', ['p', 'sent:1'], {
        Tout: attr.types(['DT_FLOAT']),
        then_branch: attr.function('f'),
        else_branch: attr.function('f'),
      }),
      node('y', 'Merge', ['sent', 'if']),
    ],
    'y:0',
    'StatelessIf (node if): it may not run',
  ],
  ['an assertion in a branch', guarded, 'z:0', 'Assert (node check): it may not run'],
])('%s is refused', (_name, nodes, wanted, refusal) => {
  const run = () => flatten(graphOf(nodes, [branch]), [wanted], FED)

  expect(refusalOrNone(run)).toContain('UNTRANSLATABLE: ')
  expect(refusalOrNone(run)).toContain(refusal)
})

test('what is called in a branch stands in it', () => {
  const call = node('call', 'PartitionedCall', ['sent:1'], calls('f'))
  const merge = node('y', 'Merge', ['sent', 'call'])
  const { scopes } = flatten(graphOf([sent, call, merge], [branch]), ['y:0'], FED)

  expect([...scopes.keys()]).toEqual(['call / n'])
})

test('what waits for the sending alone runs always', () => {
  const waits = node('z', 'Neg', ['x', '^sent'])
  const { nodes, scopes } = flatten(graphOf([sent, waits]), ['z:0'], FED)

  expect(linesOf(nodes)).toEqual(['z = Neg(x:0)'])
  expect([...scopes]).toEqual([])
})

test('one truth decides by itself in each branch of another', () => {
  const inner = ['sent', 'sent:1'].flatMap((input, at) => [
    node(`send${at}`, 'Switch', [input, 'q']),
    node(`neg${at}`, 'Neg', [`send${at}:1`]),
    node(`merge${at}`, 'Merge', [`send${at}`, `neg${at}`]),
  ])
  const { scopes } = flatten(
    graphOf([sent, ...inner, node('y', 'Merge', ['merge0', 'merge1'])]),
    ['y:0'],
    FED,
  )

  const within = [1, 0].map((at) => scopes.get(`neg${at}`)?.within)
  expect(within.map((scope) => scope?.branch)).toEqual([0, 1])
  expect(scopes.get('neg0')?.choice).not.toBe(scopes.get('neg1')?.choice)
})

/** As many conditions in a row, or as many tensors of one. */
const manyOf = (count: number, isOne: boolean): NodeDef[] =>
  Array.from({ length: count }, (_, at) => [
    node(`not${at}`, 'LogicalNot', ['p']),
    node(`send${at}`, 'Switch', ['x', isOne ? 'p' : `not${at}`]),
    node(`neg${at}`, 'Neg', [`send${at}:1`]),
    node(`merge${at}`, 'Merge', [`send${at}`, `neg${at}`]),
  ]).flat()

test.each([
  ['conditions', false, 'Switch (node send256): there are over 256 conditions'],
  ['tensors of one condition', true, 'Merge (node merge256): it is one of over 256'],
])('there may be 256 %s, and no more', (_name, isOne, refusal) => {
  const run = (count: number) =>
    flatten(
      graphOf(manyOf(count, isOne)),
      Array.from({ length: count }, (_, at) => `merge${at}:0`),
      FED,
    )

  expect(refusalOrNone(() => run(256))).not.toContain('UNTRANSLATABLE')
  expect(refusalOrNone(() => run(257))).toBe(`UNTRANSLATABLE: ${refusal}`)
})
