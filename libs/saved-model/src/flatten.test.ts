import { expect, test } from 'vitest'
import { flatten, flattenRun } from './flatten.ts'
import { calls, fed, functionOf, graphOf, linesOf, node } from './flatten.fixture.ts'
import { GraphBuilder } from './graph.ts'
import { refusalOrNone } from './refusal.fixture.ts'

test('a call becomes the nodes of its function, and calls in it those of theirs', () => {
  const inner = functionOf('inner', [node('exp', 'Exp', ['a'])], ['exp:y:0'])
  const outer = functionOf(
    'outer',
    [
      node('sin', 'Sin', ['a']),
      node('again', 'StatefulPartitionedCall', ['sin:y:0'], calls('inner')),
    ],
    ['again:output:0'],
  )

  const flat = flatten(graphOf([outer, inner]), ['y:0'], fed)

  expect(linesOf(flat.nodes)).toEqual([
    'call / again / exp = Exp(call / sin:0)',
    'call / sin = Sin(x:0)',
    'y = Neg(call / again / exp:0)',
  ])
  expect(flat.tensors).toEqual(new Map([['y:0', 'y:0']]))
})

test('an output of the graph may be what a function returns, or its own argument', () => {
  const both = functionOf('both', [node('exp', 'Exp', ['a'])], ['exp:y:0', 'a'])

  const flat = flatten(graphOf([both]), ['call:0', 'call:1'], fed)

  expect(flat.tensors).toEqual(
    new Map([
      ['call:0', 'call / exp:0'],
      ['call:1', 'x:0'],
    ]),
  )
})

test('outputs by name get the numbers of their ports, also behind a list', () => {
  const types = { kind: 'types', value: ['DT_FLOAT', 'DT_FLOAT'] } as const
  const attrs = { sparse_types: { kind: 'ints', value: [] } as const, Tdense: types }
  const body = functionOf(
    'body',
    [
      node('top', 'TopKV2', ['a', 'a']),
      node('parse', 'ParseExampleV2', ['a'], attrs),
      node('split', 'Split', ['a', 'a']),
      node('sum', 'AddN', ['top:indices:0', 'parse:dense_values:1', 'split:output:2']),
    ],
    ['sum:sum:0'],
  )

  const { nodes } = flatten(graphOf([body]), ['y:0'], fed)

  expect(nodes.get('call / sum')?.inputs).toEqual([
    'call / top:1',
    'call / parse:1',
    'call / split:2',
  ])
})

test('nothing below a tensor that is fed is taken along', () => {
  const flat = flatten(
    graphOf([functionOf('f', [node('exp', 'Exp', ['a'])], ['exp:y:0'])]),
    ['y:0'],
    new Set(['call:0']),
  )

  expect(linesOf(flat.nodes)).toEqual(['y = Neg(call:0)'])
})

test('an operation by the name of a function calls it', () => {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x')
  builder.add('old', 'y', ['x'])
  const functions = new Map([['old', functionOf('old', [node('exp', 'Exp', ['a'])], ['exp:y:0'])]])

  expect(flatten({ ...builder.build(), functions }, ['y:0'], fed).tensors.get('y:0')).toBe(
    'y / exp:0',
  )
})

const waiting = (op: string) =>
  functionOf('f', [node('other', op, ['a']), node('exp', 'Exp', ['a', '^other'])], ['exp:y:0'])

test('what is waited for without an effect is left out, and what has one is refused by name', () => {
  expect(linesOf(flatten(graphOf([waiting('NoOp')]), ['y:0'], fed).nodes)).toEqual([
    'call / exp = Exp(x:0)',
    'y = Neg(call / exp:0)',
  ])
  expect(refusalOrNone(() => flatten(graphOf([waiting('PrintV2')]), ['y:0'], fed))).toBe(
    'UNTRANSLATABLE: Exp (node exp): it waits for PrintV2 (node other), which has an effect',
  )
})

test.each(['Save', 'WriteFile', 'AssignVariableOp', 'PrintV2'])(
  'a function that also runs %s is refused, though nothing that is wanted needs it',
  (op) => {
    const nodes = [node('effect', op, ['a']), node('exp', 'Exp', ['a'])]
    const refusal = refusalOrNone(() =>
      flatten(graphOf([functionOf('f', nodes, ['exp:y:0'], ['effect'])]), ['y:0'], fed),
    )

    expect(refusal).toBe(
      `UNTRANSLATABLE: PartitionedCall (node call): it waits for ${op} (node effect), which has an effect`,
    )
  },
)

test.each([
  ['branch of a condition', 'If', ['then_branch', 'else_branch']],
  ['loop', 'While', ['body', 'cond']],
])('an effect in a %s is found as well', (_, op, names) => {
  const branch = functionOf('branch', [node('check', 'PrintV2', ['a'])], ['a'], ['check'])
  const attrs = names.map((name) => [name, { kind: 'function', value: 'branch' } as const])
  const nodes = [node('if', op, ['a', 'a'], Object.fromEntries(attrs)), node('exp', 'Exp', ['a'])]

  expect(
    refusalOrNone(() =>
      flatten(graphOf([functionOf('f', nodes, ['exp:y:0'], ['if']), branch]), ['y:0'], fed),
    ),
  ).toContain('PrintV2 (node check), which has an effect')
})

test('all that a node does when it is run is taken along, in functions too', () => {
  const restore = functionOf(
    'restore',
    [node('read', 'RestoreV2', ['a']), node('set', 'AssignVariableOp', ['a', 'read:tensors:0'])],
    [],
    ['set'],
  )
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x')
  builder.add('PartitionedCall', 'call', ['x'], calls('restore'))
  builder.add('NoOp', 'done', ['^call'])
  const graph = { ...builder.build(), functions: new Map([['restore', restore]]) }

  expect(linesOf(flattenRun(graph, 'done'))).toEqual([
    'call / read = RestoreV2(x:0)',
    'call / set = AssignVariableOp(x:0, call / read:0)',
    'done = NoOp()',
    'x = Placeholder()',
  ])
})

test.each([
  ['itself', ['f', 'f']],
  ['another one that calls it', ['f', 'g', 'f']],
])('a function that calls %s is refused', (_name, chain) => {
  const functions = chain
    .slice(0, -1)
    .map((name, index) =>
      functionOf(
        name,
        [node('next', 'PartitionedCall', ['a'], calls(chain[index + 1] ?? ''))],
        ['next:output:0'],
      ),
    )

  expect(refusalOrNone(() => flatten(graphOf(functions), ['y:0'], fed))).toMatch(
    /^UNTRANSLATABLE: .*calls itself$/,
  )
})

test('functions that call each other twice, level by level, are refused before they fill the memory', () => {
  const levels = 40
  const functions = Array.from({ length: levels }, (_, level) => {
    const next = level + 1 < levels ? calls(`f${level + 1}`) : undefined
    const twice = ['one', 'two'].map((name) =>
      next === undefined ? node(name, 'Exp', ['a']) : node(name, 'PartitionedCall', ['a'], next),
    )
    return functionOf(
      `f${level}`,
      [...twice, node('sum', 'AddV2', ['one:output:0', 'two:output:0'])],
      ['sum:z:0'],
    )
  })

  expect(refusalOrNone(() => flatten(graphOf(functions), ['y:0'], fed))).toMatch(/^TOO_LARGE: /)
})

test('calls that only pass their argument on are followed, however many', () => {
  const same = functionOf('same', [], ['a'])
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x')
  let last = 'x'
  for (let index = 0; index < 20_000; index++)
    last = builder.add('PartitionedCall', `c${index}`, [last], calls('same'))
  const graph = { ...builder.build(), functions: new Map([['same', same]]) }

  expect(flatten(graph, [last], fed).tensors.get(last)).toBe('x:0')
})

test.each([
  ['a node that is not there', ['gone:y:0'], 'the graph has no node gone'],
  ['a tensor without a number', ['exp:y'], 'a function names the tensor exp:y'],
])('%s is named', (_name, outputs, message) => {
  const work = () =>
    flatten(graphOf([functionOf('f', [node('exp', 'Exp', ['a'])], outputs)]), ['y:0'], fed)

  expect(refusalOrNone(work)).toBe(`NOT_A_SAVED_MODEL: ${message}`)
})
