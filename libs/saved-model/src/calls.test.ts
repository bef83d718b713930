import { describe, expect, test } from 'vitest'
import { endlessIn } from './calls.ts'
import type { FunctionDef } from './graph.ts'
import { calling, functionOf, modelOf, nodeOf } from './unsafe.fixture.ts'

const calls = (...names: string[]) =>
  names.map((name) => nodeOf('StatefulPartitionedCall', [], calling(name)))
const faultOf = (...functions: FunctionDef[]) => endlessIn(modelOf({ functions }))
const times = (count: number) => [...Array(count).keys()]
/** Functions of which each calls the next so many times, as many levels as that. */
const tower = (levels: number, width = 1) =>
  times(levels).map((at) =>
    functionOf(
      `f${at}`,
      at === levels - 1 ? [nodeOf('Add')] : calls(...times(width).map(() => `f${at + 1}`)),
    ),
  )

describe('a function that calls itself', () => {
  test.each<[string, FunctionDef[], string]>([
    ['at once', [functionOf('f', calls('f'))], 'f'],
    ['by way of another', [functionOf('f', calls('g')), functionOf('g', calls('f'))], 'f'],
    [
      'below one that does not',
      [functionOf('top', calls('f')), functionOf('f', calls('g')), functionOf('g', calls('f'))],
      'f',
    ],
    [
      'in a loop',
      [functionOf('f', [nodeOf('While', [], { body: { kind: 'function', value: 'f' } })])],
      'f',
    ],
    [
      'as one of the branches',
      [functionOf('f', [nodeOf('Case', [], { branches: { kind: 'functions', value: ['f'] } })])],
      'f',
    ],
    ['by its name as an operation', [functionOf('f', [nodeOf('f')])], 'f'],
    ['by a default', [{ ...functionOf('f', []), also: ['f'] }], 'f'],
    [
      'as what a call is given',
      [
        functionOf('f', [
          nodeOf('PartitionedCall', [], { f: { kind: 'function', value: 'g', given: ['f'] } }),
        ]),
        functionOf('g', []),
      ],
      'f',
    ],
  ])('%s', (_name, functions, name) => {
    expect(faultOf(...functions)).toBe(`the function ${name} calls itself`)
  })

  test('is not one that many call, nor one that calls what is not there', () => {
    const f = functionOf('f', calls('nowhere'))

    expect(
      faultOf(functionOf('a', calls('f', 'b', 'f')), functionOf('b', calls('f')), f),
    ).toBeUndefined()
  })
})

describe('calls within calls', () => {
  test('are 256 at the most', () => {
    expect(faultOf(...tower(256))).toBeUndefined()
    expect(faultOf(...tower(257))).toBe('functions call functions over 256 deep')
    // Whichever function is looked at first.
    expect(faultOf(...tower(257).toReversed())).toBe('functions call functions over 256 deep')
  })

  test('make a million nodes at the most', () => {
    // 2^19 - 1 calls and 2^18 of the last function's node.
    expect(faultOf(...tower(19, 2))).toBeUndefined()
    expect(faultOf(...tower(20, 2))).toBe('the calls of the function f0 make over 1000000 nodes')
    expect(faultOf(...tower(200, 2))).toMatch(/make over 1000000 nodes$/)
  })
})
