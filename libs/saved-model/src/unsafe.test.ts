import type { TypeName } from '@drover/serving-api'
import { describe, expect, test } from 'vitest'
import { attr, type FunctionDef, type GraphBuilder, type Loading } from './graph.ts'
import { calling, functionOf, modelOf, nodeOf } from './unsafe.fixture.ts'
import { unsafeIn } from './unsafe.ts'

/** A program for XLA as bytecode, with such a text in it. */
const moduleOf = (text: string) => ({
  module: {
    kind: 'string' as const,
    value: Buffer.concat([Buffer.of(0x4d, 0x4c, 0xef, 0x52), Buffer.from(text)]),
  },
})
const typesOf = (...value: TypeName[]) => ({ kind: 'types' as const, value })

describe('an operation that reaches out is found', () => {
  test.each([
    ['ReadFile', 'reads files'],
    ['MatchingFiles', 'reads files'],
    ['CacheDatasetV2', 'reads files'],
    ['ImmutableConst', 'reads files'],
    ['RecordInput', 'reads files'],
    ['MatchingFilesDataset', 'reads files'],
    ['ExperimentalMatchingFilesDataset', 'reads files'],
    ['LMDBDataset', 'reads files'],
    ['SnapshotChunkDataset', 'reads files'],
    ['SnapshotDatasetV2', 'reads files'],
    ['DistributedSave', 'uses the network'],
    ['RegisterDatasetV2', 'uses the network'],
    ['RpcClient', 'uses the network'],
    ['_VarHandlesOp', 'is never in a model as it is saved'],
    ['Copy', 'is never in a model as it is saved'],
    ['_MklToTf', 'is never in a model as it is saved'],
    ['WriteFile', 'writes files'],
    ['SaveDatasetV2', 'writes files'],
    ['CreateSummaryFileWriter', 'writes files'],
    ['WriteScalarSummary', 'writes files'],
    ['DebugIdentityV3', 'writes files'],
    ['PyFunc', 'runs code of the process'],
    ['EagerPyFunc', 'runs code of the process'],
    ['Abort', 'runs code of the process'],
    ['XlaCustomCall', 'runs code of the process'],
    ['XlaCustomCallV2', 'runs code of the process'],
    ['DatasetFromGraph', 'runs a graph that cannot be looked into'],
    ['DeserializeIterator', 'runs a graph that cannot be looked into'],
    ['MlirPassthroughOp', 'runs a graph that cannot be looked into'],
    ['DataServiceDatasetV4', 'uses the network'],
    ['_Recv', 'is never in a model as it is saved'],
    ['TemporaryVariable', 'answers with what others left in memory'],
    ['_ParallelConcatStart', 'is never in a model as it is saved'],
    ['Empty', 'answers with what others left in memory'],
  ])('%s %s', (op, why) => {
    const model = modelOf({ build: (to) => void to.add(op, 'bad') })

    expect(unsafeIn(model)).toBe(`the node bad is ${op}, which ${why}`)
  })

  test('unless it is allowed by its name', () => {
    const model = modelOf({
      build: (to) => {
        to.add('ReadFile', 'one')
        to.add('WriteFile', 'other')
      },
    })

    expect(unsafeIn(model, ['ReadFile'])).toBe('the node other is WriteFile, which writes files')
    expect(unsafeIn(model, ['ReadFile', 'WriteFile'])).toBeUndefined()
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
    [
      'PartitionedCall',
      { executor_type: attr.string('SINGLE_THREADED_EXECUTOR') },
      'chooses by what it is run',
    ],
    ['FixedUnigramCandidateSampler', { vocab_file: attr.string('/etc/passwd') }, 'reads files'],
    [
      'Const',
      { dtype: { kind: 'other', value: Uint8Array.of(0x30, 20) } as const },
      'makes a handle out of bytes',
    ],
    [
      'Const',
      { dtype: { kind: 'other', value: Uint8Array.of(0xb0, 0, 0x94, 0) } as const },
      'makes a handle out of bytes',
    ],
    [
      'Const',
      {
        dtype: { kind: 'other', value: Uint8Array.of(0x30, 0x94, 0x80, 0x80, 0x80, 0x10) } as const,
      },
      'makes a handle out of bytes',
    ],
    [
      'ParseTensor',
      { out_type: { kind: 'other', value: Uint8Array.of(0x30, 20) } as const },
      'makes a handle out of bytes',
    ],
    [
      'RestoreSlice',
      { dt: { kind: 'other', value: Uint8Array.of(0x30, 21) } as const },
      'makes a handle out of bytes',
    ],
    ['DecodeProtoV2', { descriptor_source: attr.string('/etc/passwd') }, 'reads files'],
    ['DecodeProtoV2', { descriptor_source: attr.string('\uFEFFlocal://x') }, 'reads files'],
    ['RestoreV2', { dtypes: typesOf('DT_FLOAT', 'DT_VARIANT') }, 'makes a handle out of bytes'],
    ['RestoreV2', { dtypes: typesOf('DT_INVALID') }, 'makes a handle out of bytes'],
    [
      'RestoreV2',
      // A list of types with a field behind it that TensorFlow does not know.
      { dtypes: { kind: 'other', value: Uint8Array.of(10, 5, 50, 1, 20, 0x78, 0) } as const },
      'makes a handle out of bytes',
    ],
    [
      'Const',
      { dtype: { kind: 'other', value: Uint8Array.of(0x30, 120) } as const },
      'makes a handle out of bytes',
    ],
    ['XlaCallModule', moduleOf('vhlo custom_call_v1 memcpy'), 'runs code of the process'],
    [
      'XlaCallModule',
      { module: attr.string('"stablehlo.\\63ustom_call"()') },
      'runs a graph that cannot be looked into',
    ],
    ['XlaCallModule', {}, 'runs a graph that cannot be looked into'],
  ])('%s with what it must not have', (op, attrs, why) => {
    const model = modelOf({ build: (to) => void to.add(op, 'y', ['x'], attrs) })

    expect(unsafeIn(model)).toBe(`the node y is ${op}, which ${why}`)
  })
})

test.each([
  ['PrintV2', 'output_stream'],
  ['PartitionedCall', 'f'],
  ['Identity', 'T'],
])('%s may not take its attribute %s from whoever calls', (op, name) => {
  const placeholder = { kind: 'other', value: Uint8Array.of(0x4a, 1, 0x70) } as const
  const model = modelOf({
    build: (to) => void to.add('PartitionedCall', 'y', ['x'], calling('inner')),
    functions: [functionOf('inner', [nodeOf(op, [], { [name]: placeholder })])],
  })

  expect(unsafeIn(model)).toBe(
    `the node ${op} of the function inner is ${op}, which has the attribute ${name} of whoever calls it`,
  )
})

test.each([
  ['ReadVariableOp', {}],
  ['XlaCallModule', moduleOf('vhlo.add_v1')],
  ['LookupTableFindV2', {}],
  ['Empty', { init: { kind: 'bool', value: true } as const }],
  ['TensorSummaryV2', {}],
  ['PrintV2', { output_stream: attr.string('stderr') }],
  ['DecodeProtoV2', { descriptor_source: attr.string('local://') }],
  ['TensorSliceDataset', {}],
  ['InterleaveDataset', {}],
  ['UniformQuantizedDot', {}],
  ['ParseTensor', { out_type: attr.type('DT_FLOAT') }],
])('%s only computes', (op, attrs) => {
  expect(unsafeIn(modelOf({ build: (to) => void to.add(op, 'y', ['x'], attrs) }))).toBeUndefined()
})

test('a function that nobody is seen to call counts as well', () => {
  const model = modelOf({ functions: [functionOf('f', [nodeOf('WriteFile')])] })

  expect(unsafeIn(model)).toBe(
    'the node WriteFile of the function f is WriteFile, which writes files',
  )
})

describe('what we and TensorFlow may take for different nodes is refused:', () => {
  const evil = { build: (to: GraphBuilder) => void to.add('NoOp', 'evil') }
  const named = (name: string) => {
    const model = modelOf(evil)
    const main = model.signatures['main']
    const y = { name, dtype: 'DT_STRING', shape: undefined } as const
    return { ...model, signatures: { ...(main && { main: { ...main, outputs: { y } } }) } }
  }

  test.each(['y:0,evil:0', 'evil:0:0', '^evil', 'y:', ' y', 'y\0'])('the name %j', (name) => {
    expect(unsafeIn(named(name))).toBe(`the signatures name ${JSON.stringify(name)}`)
  })

  test.each(['a/b_c.d:1', 'y', 'a>b-c:12', ''])('and not %j', (name) => {
    expect(unsafeIn(named(name))).toBeUndefined()
  })

  test.each<Partial<Loading>>([
    { restoreOp: 'evil:0' },
    { restoreOp: '^evil' },
    { initOps: ['nowhere'] },
  ])('what is run at a load: %j', (loading) => {
    expect(unsafeIn(modelOf({ ...evil, loading }))).toMatch(/^what is run at a load is no node/)
  })
})

const calls = (to: GraphBuilder) => void to.add('PartitionedCall', 'y', ['x'], calling('f'))

describe('a function that is called without being named', () => {
  const saver = functionOf('saver', [nodeOf('SaveV2')])

  test.each<[string, FunctionDef[]]>([
    [
      'by what it implements',
      [
        { ...functionOf('f', []), implements: 'api' },
        { ...saver, implements: 'api' },
      ],
    ],
    ['by a default', [{ ...functionOf('f', []), also: ['saver'] }, saver]],
  ])('%s, is found', (_name, functions) => {
    expect(unsafeIn(modelOf({ build: calls, functions }))).toBe(
      'the node SaveV2 of the function saver is SaveV2, which writes a checkpoint',
    )
  })
})
