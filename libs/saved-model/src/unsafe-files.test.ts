// Checkpoints and files of words: read at a load, from where the loader says, and at no other time.

import { stringTensor } from '@drover/serving-api'
import { describe, expect, test } from 'vitest'
import { attr, type GraphBuilder } from './graph.ts'
import { calling, functionOf, modelOf, nodeOf, type Parts } from './unsafe.fixture.ts'
import { unsafeIn } from './unsafe.ts'

const restore = (to: GraphBuilder, path = 'checkpoint') =>
  void to.add('RestoreV2', 'restore', [path])
const fill = (to: GraphBuilder, path: string) =>
  void to.add('InitializeTableFromTextFileV2', 'fill', ['table', path])

describe('a checkpoint', () => {
  const inFunction = {
    build: (to: GraphBuilder) => {
      to.add('Identity', 'path', ['checkpoint'])
      to.add('StatefulPartitionedCall', 'call', ['path'], calling('f'))
    },
    functions: [
      functionOf(
        'f',
        [
          nodeOf('RestoreV2', ['same:output:0']),
          {
            ...nodeOf('Identity', ['prefix']),
            name: 'same',
          },
        ],
        ['prefix'],
      ),
    ],
  }

  test.each<[string, Parts]>([
    [
      'is written by a saver that nobody runs',
      { build: (to) => void to.add('SaveV2', 'save', ['checkpoint']) },
    ],
    [
      'may have a second saver, which nobody runs',
      {
        build: (to) => {
          to.add('RestoreV2', 'restore', ['checkpoint'])
          to.add('RestoreV2', 'second', ['words'])
        },
        loading: { restoreOp: 'restore' },
      },
    ],
    ['is read at a load', { build: restore, loading: { restoreOp: 'restore' } }],
    ['is read in a function', { ...inFunction, loading: { restoreOp: 'call' } }],
  ])('%s', (_name, parts) => {
    expect(unsafeIn(modelOf(parts))).toBeUndefined()
  })

  test.each<[string, Parts, string]>([
    [
      'is not written at a request',
      {
        build: (to) => {
          to.add('SaveV2', 'save', ['checkpoint'])
          to.add('Identity', 'y', ['x', '^save'])
        },
      },
      'the node save is SaveV2, which writes a checkpoint',
    ],
    [
      'nor after a load',
      {
        build: (to) => void to.add('MergeV2Checkpoints', 'merge', ['checkpoint']),
        loading: { initOps: ['merge'] },
      },
      'the node merge is MergeV2Checkpoints, which writes a checkpoint',
    ],
    [
      "is not read after a load, when it need not be the model's any more",
      { build: restore, loading: { initOps: ['restore'] } },
      'the node restore is RestoreV2, which reads a checkpoint',
    ],
    [
      'is none of a function that may stand in for another',
      {
        ...inFunction,
        functions: inFunction.functions.map((each) => ({ ...each, implements: 'reading' })),
        loading: { restoreOp: 'call' },
      },
      'the node RestoreV2 of the function f is RestoreV2, which reads no checkpoint of the model',
    ],
    [
      'is not read at a request',
      { build: (to) => void to.add('RestoreV2', 'y', ['checkpoint']) },
      'the node y is RestoreV2, which reads a checkpoint',
    ],
    [
      'is no other one',
      { build: (to) => restore(to, 'words'), loading: { restoreOp: 'restore' } },
      'the node restore is RestoreV2, which reads no checkpoint of the model',
    ],
    [
      'is no other port of what is fed',
      { build: (to) => restore(to, 'checkpoint:1'), loading: { restoreOp: 'restore' } },
      'the node restore is RestoreV2, which reads no checkpoint of the model',
    ],
    [
      'is none of a function whose arguments cannot be counted',
      {
        ...inFunction,
        functions: inFunction.functions.map((each) => ({ ...each, hasLists: true })),
        loading: { restoreOp: 'call' },
      },
      'the node RestoreV2 of the function f is RestoreV2, which reads no checkpoint of the model',
    ],
    [
      'is no other one in one of two calls either',
      {
        ...inFunction,
        build: (to) => {
          inFunction.build(to)
          to.add('StatefulPartitionedCall', 'other', ['words'], calling('f'))
        },
        loading: { restoreOp: 'call' },
      },
      'the node RestoreV2 of the function f is RestoreV2, which reads no checkpoint of the model',
    ],
    [
      'is not one of a call that is handed on',
      {
        ...inFunction,
        build: (to) => {
          inFunction.build(to)
          const f = { kind: 'function', value: 'g', given: ['f'] } as const
          to.add('PartitionedCall', 'other', ['checkpoint'], { f })
        },
        loading: { restoreOp: 'call' },
      },
      'the node RestoreV2 of the function f is RestoreV2, which reads no checkpoint of the model',
    ],
    [
      'is not one that a loop names',
      {
        ...inFunction,
        build: (to) => void to.add('While', 'call', ['checkpoint'], calling('f')),
        loading: { restoreOp: 'call' },
      },
      'the node RestoreV2 of the function f is RestoreV2, which reads no checkpoint of the model',
    ],
  ])('%s', (_name, parts, why) => {
    expect(unsafeIn(modelOf(parts))).toBe(why)
  })
})

describe('a file of words', () => {
  test('is an asset that is read at a load', () => {
    const parts = { build: (to: GraphBuilder) => fill(to, 'words'), loading: { initOps: ['fill'] } }

    expect(unsafeIn(modelOf(parts))).toBeUndefined()
  })

  /** TensorFlow 2 keeps the path in a variable. */
  const byVariable = (to: GraphBuilder, more: (to: GraphBuilder) => unknown = () => {}) => {
    to.add('VarHandleOp', 'path')
    to.add('AssignVariableOp', 'assign', ['path', 'words'])
    to.add('VarIsInitializedOp', 'isThere', ['path'])
    more(to)
    to.add('ReadVariableOp', 'read', ['path', '^assign'])
    fill(to, 'read')
  }

  test('may have its path in a variable', () => {
    const parts = { build: (to: GraphBuilder) => byVariable(to), loading: { initOps: ['fill'] } }

    expect(unsafeIn(modelOf(parts))).toBeUndefined()
  })

  test.each<[string, (to: GraphBuilder) => unknown]>([
    [
      'is set to something else too',
      (to) => to.add('AssignVariableOp', 'other', ['path', 'checkpoint']),
    ],
    [
      'is set by another handle',
      (to) => {
        to.add('VarHandleOp', 'same', [], { shared_name: attr.string('path') })
        to.add('AssignVariableOp', 'other', ['same', 'checkpoint'])
      },
    ],
    ['is given away', (to) => to.add('StatefulPartitionedCall', 'other', ['path'], calling('f'))],
  ])('may not when that %s', (_name, more) => {
    const parts = {
      build: (to: GraphBuilder) => byVariable(to, more),
      loading: { initOps: ['fill'] },
    }

    expect(unsafeIn(modelOf(parts))).toContain('which reads no asset of the model')
  })

  test('may not when a function makes a handle of it', () => {
    const model = modelOf({
      build: (to) =>
        byVariable(to, (each) => void each.add('PartitionedCall', 'call', [], calling('f'))),
      functions: [
        functionOf('f', [nodeOf('VarHandleOp', [], { shared_name: attr.string('path') })]),
      ],
      loading: { initOps: ['fill'] },
    })

    expect(unsafeIn(model)).toContain('which reads no asset of the model')
  })

  test('is no other file', () => {
    const model = modelOf({
      build: (to) => {
        to.constant('path', stringTensor(['/etc/passwd'], []))
        fill(to, 'path')
      },
      loading: { initOps: ['fill'] },
    })

    expect(unsafeIn(model)).toBe(
      'the node fill is InitializeTableFromTextFileV2, which reads no asset of the model',
    )
  })

  test('is not read at a request, when nobody feeds its path', () => {
    const model = modelOf({
      build: (to) => {
        fill(to, 'words')
        to.add('Identity', 'y', ['x', '^fill'])
      },
    })

    expect(unsafeIn(model)).toBe(
      'the node fill is InitializeTableFromTextFileV2, which reads a file at each request',
    )
  })
})
