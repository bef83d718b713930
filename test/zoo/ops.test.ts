import { expect, test } from 'vitest'
import { blockedByForm, blockersOf } from './ops.ts'

const slow = (name: string, ...ops: string[]) => ({ name, engine: 'tensorflow' as const, ops })
const PLUMBING = [
  'StatefulPartitionedCall',
  'VarHandleOp',
  'ReadVariableOp',
  'If',
  'StatelessWhile',
]

test('calls, variables, loops and branches do not keep a model from the fast engines', () => {
  const rows = [slow('a', 'Foreign', ...PLUMBING), slow('b', 'Foreign', 'Other', 'MatMul')]

  expect(blockersOf(rows)).toEqual([
    { what: 'Foreign', models: 2, alone: ['a'] },
    { what: 'Other', models: 1, alone: [] },
  ])
})

test('a model with nothing else is one of a form that is not translated', () => {
  const rows = [slow('a', 'MatMul', ...PLUMBING), slow('b', 'Foreign')]

  expect(blockedByForm(rows)).toEqual(['a'])
})

test('models on a fast engine are blocked by nothing', () => {
  const rows = [{ ...slow('a', 'Foreign'), engine: 'onnx' as const }]

  expect([blockersOf(rows), blockedByForm(rows)]).toEqual([[], []])
})
