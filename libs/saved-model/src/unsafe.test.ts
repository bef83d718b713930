import { describe, expect, test } from 'vitest'
import { attr } from './graph.ts'
import { calling, functionOf, modelOf, nodeOf } from './unsafe.fixture.ts'
import { unsafeIn } from './unsafe.ts'

describe('an operation that reaches out is found', () => {
  test.each([
    ['ReadFile', 'reads files'],
    ['MatchingFiles', 'reads files'],
    ['WholeFileReaderV2', 'reads files'],
    ['ReaderReadV2', 'reads files'],
    ['TextLineDataset', 'reads files'],
    ['TFRecordDatasetV2', 'reads files'],
    ['FixedLengthRecordDatasetV2', 'reads files'],
    ['CacheDatasetV2', 'reads files'],
    ['WriteFile', 'writes files'],
    ['SaveDatasetV2', 'writes files'],
    ['CreateSummaryFileWriter', 'writes files'],
    ['WriteScalarSummary', 'writes files'],
    ['DebugIdentityV3', 'writes files'],
    ['PyFunc', 'runs code of the process'],
    ['EagerPyFunc', 'runs code of the process'],
    ['Abort', 'runs code of the process'],
    ['DatasetFromGraph', 'runs a graph that cannot be looked into'],
    ['DataServiceDatasetV4', 'uses the network'],
    ['_Recv', 'uses the network'],
  ])('%s %s', (op, why) => {
    const model = modelOf({ build: (to) => void to.add(op, 'bad') })

    expect(unsafeIn(model)).toBe(`the node bad is ${op}, which ${why}`)
  })

  test('in a function that a function calls, be it by a loop', () => {
    const model = modelOf({
      build: (to) => void to.add('StatefulPartitionedCall', 'y', ['x'], calling('outer')),
      functions: [
        functionOf('outer', [
          nodeOf('While', [], { body: { kind: 'function', value: 'inner' } }),
          nodeOf('Case', [], { branches: { kind: 'functions', value: ['outer', 'inner'] } }),
        ]),
        functionOf('inner', [nodeOf('ReadFile')]),
      ],
    })

    expect(unsafeIn(model)).toBe(
      'the node ReadFile of the function inner is ReadFile, which reads files',
    )
  })

  test.each([
    ['PrintV2', { output_stream: attr.string('file:///etc/cron.d/x') }, 'writes files'],
    ['DecodeProtoV2', { descriptor_source: attr.string('/etc/passwd') }, 'reads files'],
  ])('%s with the path of a file', (op, attrs, why) => {
    const model = modelOf({ build: (to) => void to.add(op, 'y', ['x'], attrs) })

    expect(unsafeIn(model)).toBe(`the node y is ${op}, which ${why}`)
  })
})

test.each([
  ['ReadVariableOp', {}],
  ['LookupTableFindV2', {}],
  ['TensorSummaryV2', {}],
  ['PrintV2', { output_stream: attr.string('stderr') }],
  ['DecodeProtoV2', { descriptor_source: attr.string('local://') }],
  ['TensorSliceDataset', {}],
])('%s only computes', (op, attrs) => {
  expect(unsafeIn(modelOf({ build: (to) => void to.add(op, 'y', ['x'], attrs) }))).toBeUndefined()
})

test('a function that nobody is seen to call counts as well', () => {
  const model = modelOf({ functions: [functionOf('f', [nodeOf('WriteFile')])] })

  expect(unsafeIn(model)).toBe(
    'the node WriteFile of the function f is WriteFile, which writes files',
  )
})
