// What is told of whole runs: the memory that they hold at a time, their work and the rounds of their loops.

import { describe, expect, test } from 'vitest'
import { type Extent, extent } from './extent.ts'
import { foretell, type Foretold } from './foretell.ts'
import type { OutlineConstant, OutlineGraph, OutlineNode } from './outline.ts'

const LIMITS = { bytes: 2 ** 31, ns: 3e10 }

/** A node that makes what it is called. */
const node = (
  name: string,
  op: string,
  inputs: string[],
  more: Partial<OutlineNode> = {},
): OutlineNode => ({
  op,
  source: NaN,
  inputs,
  outputs: [name],
  numbers: {},
  lists: {},
  texts: {},
  tensors: {},
  graphs: {},
  ...more,
})

const graph = (nodes: OutlineNode[], more: Partial<OutlineGraph> = {}): OutlineGraph => ({
  nodes,
  constants: [],
  inputs: [],
  outputs: nodes.at(-1)?.outputs ?? [],
  ...more,
})

const long = (name: string, ...values: number[]): OutlineConstant => ({
  name,
  dtype: 'DT_INT64',
  dims: [values.length],
  values,
})
const single = (
  name: string,
  value: number,
  dtype: OutlineConstant['dtype'] = 'DT_INT64',
): OutlineConstant => ({ name, dtype, dims: [], values: [value] })

const floats = (...dims: number[]) => extent('DT_FLOAT', dims, { isExact: true })
const truth = extent('DT_BOOL', [], { isExact: true })
const known = (value: number) =>
  extent('DT_BOOL', [], { isExact: true, range: { low: [value], high: [value] } })

const told = (of: OutlineGraph, fed: Readonly<Record<string, Extent>>): Foretold =>
  foretell(of, new Map(Object.entries(fed)), LIMITS)

const KILO = 4 * 1000

describe('the memory of a run', () => {
  const tail = [node('b', 'Neg', ['a']), node('c', 'Neg', ['b'])]
  const constants = [long('all', -1), long('zero', 0), long('end', 1000)]
  const cut = ['zero', 'end']

  test.each<[string, OutlineNode[], number]>([
    ['is that of two tensors where one is made of the other', tail, 2],
    [
      'counts one once that is passed on',
      [node('b', 'Reshape', ['a', 'all']), ...tail.slice(1)],
      2,
    ],
    ['counts a slice', [node('b', 'Slice', ['a', ...cut]), node('c', 'Identity', ['b'])], 2],
    ['holds what is asked for again', [...tail, node('d', 'Add', ['a', 'c'])], 3],
    [
      'holds what a branch asks for',
      [
        ...tail,
        node('d', 'If', ['is'], {
          graphs: {
            then_branch: graph([node('e', 'ReduceMax', ['a'])]),
            else_branch: graph([node('e', 'ReduceMax', ['c'])]),
          },
        }),
      ],
      3,
    ],
  ])('%s', (_, nodes, thousands) => {
    const all = graph([node('a', 'Neg', ['x']), ...nodes], { constants })

    const { bytes } = told(all, { x: floats(1000), is: truth })

    expect(Math.floor(bytes / KILO)).toBe(thousands)
  })

  test('has in a convolution the windows of one image, side by side', () => {
    const conv = node('y', 'Conv', ['x', 'w'], { lists: { kernel_shape: [3, 3] } })

    const { bytes } = told(graph([conv]), { x: floats(8, 5, 12, 12), w: floats(2, 5, 3, 3) })

    expect(bytes).toBe(4 * (8 * 2 * 10 * 10 + 10 * 10 * 5 * 3 * 3))
  })
})

describe('a choice', () => {
  const branch = (...ops: string[]) =>
    graph(ops.map((op, at) => node(`y${at}`, op, [at === 0 ? 'x' : `y${at - 1}`])))
  const choice = node('y', 'If', ['is'], {
    graphs: { then_branch: branch('Neg', 'Exp', 'Neg'), else_branch: branch('Neg') },
  })
  const given = (is: Extent) => told(graph([choice]), { x: floats(1000), is })

  test('takes at least what its easier branch does, and at most the memory of the other', () => {
    const [then, otherwise] = [given(known(1)), given(known(0))]

    expect(given(truth)).toMatchObject({ ns: otherwise.ns, bytes: then.bytes })
    expect([then.ns > otherwise.ns, then.bytes > otherwise.bytes]).toEqual([true, true])
  })

  test('between ranks makes what may have fewer dimensions, of which a size has none', () => {
    const ranks = node('a', 'If', ['is'], {
      graphs: {
        then_branch: graph([node('y', 'Neg', ['x'])]),
        else_branch: graph([node('y', 'Neg', ['z'])]),
      },
    })
    const nodes = [ranks, node('b', 'Exp', ['a']), node('c', 'Size', ['a'])]

    const { outputs } = told(graph(nodes, { outputs: ['b', 'c'] }), {
      x: floats(7),
      z: floats(3, 5),
      is: truth,
    })

    expect(outputs.get('b')).toMatchObject({ dims: [3, 7], mayHaveLess: true })
    expect(outputs.get('c')?.mayHaveLess).toBeUndefined()
  })
})

/** A loop over a number that begins with 0, to which `by` is added until it is not below `end`. */
function loopOf(
  name: string,
  { by, end }: { by: string; end: string },
  inside: OutlineNode[] = [],
) {
  const next = `${name}/next`
  const body = graph(
    [...inside, node(next, 'Add', [`${name}/at`, by]), node(`${name}/on`, 'Less', [next, end])],
    {
      inputs: [
        { name: `${name}/round`, dtype: 'DT_INT64' },
        { name: `${name}/is`, dtype: 'DT_BOOL' },
        { name: `${name}/at`, dtype: 'DT_INT64' },
      ],
      outputs: [`${name}/on`, next, next],
    },
  )
  const outputs = [name, `${name}/all`]
  return node(name, 'Loop', [`${name}/most`, 'true', 'zero'], { outputs, graphs: { body } })
}

const COUNTED = [
  single('zero', 0),
  single('three', 3),
  single('twenty', 20),
  single('true', 1, 'DT_BOOL'),
]

/** How a loop's number is compared, where it begins and its end. */
const UP: [string, number, number] = ['Less', 2 ** 24 - 11, 2 ** 24 - 2]
const BEYOND: [string, number, number] = ['Less', 2 ** 24 - 9, 2 ** 24]
const DOWN: [string, number, number] = ['Greater', 50, -100]

describe('a loop', () => {
  const outputs = ['y', 'y/all']

  test('that counts tells its rounds, what it counts to, and what all rounds write', () => {
    const all = graph([loopOf('y', { by: 'three', end: 'twenty' })], {
      constants: COUNTED,
      outputs,
    })

    const made = told(all, {})

    expect(made.rounds.get('y/most')).toMatchObject({ most: 7, isKnown: true })
    expect(made.outputs.get('y')?.range).toEqual({ low: [21], high: [21] })
    expect(made.outputs.get('y/all')).toMatchObject({ dims: [7], isExact: true })
  })

  test('to an end that nobody knows may write fewer than the most', () => {
    const all = graph([loopOf('y', { by: 'three', end: 'end' })], { constants: COUNTED, outputs })

    const made = told(all, { end: extent('DT_INT64', [], { isExact: true }) })

    const { most = 0, isKnown } = made.rounds.get('y/most') ?? {}
    expect([most > 7, isKnown]).toEqual([true, false])
    expect(made.outputs.get('y')?.range).toBeUndefined()
    expect(made.outputs.get('y/all')).toMatchObject({ dims: [most], isExact: false })
  })

  test('around one without a known end goes round a thousand times at most', () => {
    const inner = loopOf('inner', { by: 'three', end: 'end' })
    const all = graph([loopOf('y', { by: 'three', end: 'end' }, [inner])], { constants: COUNTED })

    const { rounds } = told(all, { end: extent('DT_INT64', [], { isExact: true }) })

    expect(rounds.get('y/most')).toMatchObject({ most: 1000, isKnown: false })
  })

  test('that counts is as much work as all of its rounds', () => {
    const short = graph([loopOf('y', { by: 'three', end: 'three' })], { constants: COUNTED })
    const whole = graph([loopOf('y', { by: 'three', end: 'twenty' })], { constants: COUNTED })

    expect(told(whole, {}).ns / told(short, {}).ns).toBeCloseTo(7)
  })

  const step = (op: string, ...inputs: string[]) => node('y/next', op, inputs)

  test.each<[string, OutlineConstant['dtype'], OutlineNode, [string, number, number], boolean]>([
    ['in floats counts to what they hold', 'DT_FLOAT', step('Add', 'y/at', 'by'), UP, true],
    ['in floats is not told beyond that', 'DT_FLOAT', step('Add', 'y/at', 'by'), BEYOND, false],
    [
      'from which something is taken counts down',
      'DT_INT64',
      step('Sub', 'y/at', 'by'),
      DOWN,
      true,
    ],
    ['that is taken from something does not', 'DT_INT64', step('Sub', 'by', 'y/at'), DOWN, false],
  ])('%s', (_, dtype, next, [op, first, end], isKnown) => {
    const body = graph([next, node('y/on', op, ['y/next', 'end'])], {
      inputs: [
        { name: 'y/round', dtype: 'DT_INT64' },
        { name: 'y/is', dtype: 'DT_BOOL' },
        { name: 'y/at', dtype },
      ],
      outputs: ['y/on', 'y/next'],
    })
    const constants = [
      single('true', 1, 'DT_BOOL'),
      single('first', first, dtype),
      single('by', 3, dtype),
      single('end', end, dtype),
    ]
    const loop = node('y', 'Loop', ['y/most', 'true', 'first'], { graphs: { body } })

    const { rounds } = told(graph([loop], { constants }), {})

    expect(rounds.get('y/most')?.isKnown).toBe(isKnown)
  })

  test('leaves to one within it what all of its rounds together have time for', () => {
    const work = node('work', 'Exp', ['x'])
    const inner = loopOf('inner', { by: 'three', end: 'end' }, [work])
    const all = graph([loopOf('y', { by: 'three', end: 'twenty' }, [inner])], {
      constants: COUNTED,
    })

    const { rounds } = told(all, {
      x: floats(1_000_000),
      end: extent('DT_INT64', [], { isExact: true }),
    })

    const { most = 0, ns = 0 } = rounds.get('inner/most') ?? {}
    expect((most * ns * 7) / LIMITS.ns).toBeCloseTo(1, 3)
  })
})
