// What is done with lists in loops, and what is left to TensorFlow.

import { stringTensor, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { linesOf, node } from './flatten.fixture.ts'
import { flatten } from './flatten.ts'
import { attr, type FunctionDef, GraphBuilder, type GraphDef, type NodeDef } from './graph.ts'
import { refusalOrNone } from './refusal.fixture.ts'

const FED = new Set(['x:0', 'which:0'])
const INT32 = { T: attr.type('DT_INT32') }
const FLOATS = { element_dtype: attr.type('DT_FLOAT') }
const TEXTS = { element_dtype: attr.type('DT_STRING') }
const T = { kind: 'types', value: ['DT_INT32', 'DT_VARIANT', 'DT_FLOAT'] } as const

const functionOf = (name: string, nodes: NodeDef[], outputs: string[]): FunctionDef => ({
  name,
  inputs: ['which', 'list', 'x'],
  outputs,
  effects: [],
  nodes,
})

interface Parts {
  /** What makes the list. */
  made?: NodeDef
  /** What writes an element of it in each round. */
  written?: NodeDef[]
}

const RESERVED = node('list', 'TensorListReserve', ['size', 'size'], FLOATS)
const SET = node('set', 'TensorListSetItem', ['list', 'which', 'x'], FLOATS)

function graphOf({ made = RESERVED, written = [SET] }: Parts): GraphDef {
  const size: Tensor = { dtype: 'DT_INT32', shape: [], values: Int32Array.of(5) }
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: attr.type('DT_FLOAT') })
  to.add('Placeholder', 'which', [], { dtype: attr.type('DT_INT32') })
  to.constant('size', size)
  to.constant('text', stringTensor(['a'], []))
  to.add(made.op, made.name, made.inputs, made.attrs)
  const [body, cond] = ['body', 'below'].map((name) => attr.function(name))
  if (body === undefined || cond === undefined) throw new Error('there are no functions')
  to.add('StatelessWhile', 'while', ['which', 'list', 'x'], { body, cond, T })
  to.add('TensorListStack', 'y', ['while:1', 'size'], FLOATS)
  const add = node('add', 'AddV2', ['which', 'which'], INT32)
  const functions = [
    functionOf('below', [node('less', 'Less', ['which', 'which'], INT32)], ['less:z:0']),
    functionOf('body', [add, ...written], ['add:z:0', 'set:output_handle:0', 'x']),
  ]
  return { ...to.build(), functions: new Map(functions.map((each) => [each.name, each])) }
}

test('a list that is written once in each round is what all rounds write, and where', () => {
  const { nodes } = flatten(graphOf({}), ['y:0'], FED)

  expect(linesOf(nodes)).toContain('y = TensorListStack(while:0, size:0)')
  expect(linesOf(nodes).filter((line) => /TensorList(Reserve|SetItem)/.test(line))).toEqual([])
})

test.each<[string, Parts, string]>([
  [
    'a list that grows',
    { written: [{ ...SET, attrs: { ...FLOATS, resize_if_index_out_of_bounds: attr.bool(true) } }] },
    'StatelessWhile (node while): it does more with a list than to write an element in each round',
  ],
  [
    'a list that each round makes anew',
    {
      written: [
        node('new', 'TensorListReserve', ['which', 'which'], FLOATS),
        { ...SET, inputs: ['new:handle:0', 'which', 'x'] },
      ],
    },
    'StatelessWhile (node while): it does more with a list than to write an element in each round',
  ],
  [
    'a list that is written twice in a round',
    {
      written: [
        { ...SET, name: 'first' },
        { ...SET, inputs: ['first:output_handle:0', 'which', 'x'] },
      ],
    },
    'StatelessWhile (node while): it does more with a list than to write an element in each round',
  ],
  [
    'a list of texts',
    { written: [{ ...SET, attrs: TEXTS }] },
    'TensorListSetItem (node set): its elements are texts',
  ],
  [
    'a list that has elements before the first round',
    { made: node('list', 'TensorListFromTensor', ['x', 'size'], FLOATS) },
    'StatelessWhile (node while): it writes a list that is not made just before',
  ],
])('%s is left to TensorFlow', (_, parts, refusal) => {
  expect(refusalOrNone(() => flatten(graphOf(parts), ['y:0'], FED))).toBe(
    `UNTRANSLATABLE: ${refusal}`,
  )
})
