import { stringTensor, type Tensor, textsOf } from '@drover/serving-api'
import { describe, expect, test } from 'vitest'
import { attr, GraphBuilder, NOTHING_TO_LOAD, PREDICT_METHOD, type SavedModel } from './graph.ts'
import { translate } from './translate.ts'
import { refusalOrNone } from './refusal.fixture.ts'

const [STRING, INT64, FLOAT] = [
  attr.type('DT_STRING'),
  attr.type('DT_INT64'),
  attr.type('DT_FLOAT'),
]
const longs = (...values: number[]): Tensor => ({
  dtype: 'DT_INT64',
  shape: [values.length],
  values: BigInt64Array.from(values, BigInt),
})
const long = (value: number): Tensor => ({ ...longs(value), shape: [] })
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

interface Parts {
  /** Fills the table; its node is `fill`. */
  fill?: (to: GraphBuilder) => void
  keyType?: typeof STRING
  file?: string
  read?: boolean
  more?: (to: GraphBuilder) => void
}

/** A model that looks its texts up in a table; -1 for what is not in it. */
function modelOf({
  fill = byConstants,
  keyType = STRING,
  file = '',
  read = true,
  more,
}: Parts): SavedModel {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: keyType })
  to.add('HashTableV2', 'table', [], { key_dtype: keyType, value_dtype: INT64 })
  to.add('Placeholder', 'path', [], { dtype: STRING })
  to.constant('none', long(-1))
  fill(to)
  more?.(to)
  const types = { Tin: keyType, Tout: INT64 }
  to.add('LookupTableFindV2', 'y', ['table', 'x', 'none'], types)
  to.add('LookupTableSizeV2', 'size', ['table'])
  const inputs = {
    x: { name: 'x:0', dtype: keyType === INT64 ? 'DT_INT64' : 'DT_STRING', shape: [-1] },
  } as const
  const outputs = {
    y: { name: 'y:0', dtype: 'DT_INT64', shape: [-1] },
    size: { name: 'size:0', dtype: 'DT_INT64', shape: [] },
  } as const
  return {
    tags: ['serve'],
    graph: to.build(),
    signatures: { main: { methodName: PREDICT_METHOD, inputs, outputs } },
    tensorflowVersion: '',
    loading: {
      ...NOTHING_TO_LOAD,
      initOps: ['fill'],
      assets: [{ tensor: 'path:0', file: 'words.txt' }],
    },
    ...(read && { assets: new Map([['words.txt', utf8(file)]]) }),
    neededFiles: [],
  }
}

function byConstants(to: GraphBuilder): void {
  to.constant('keys', stringTensor(['a', 'b', 'ü'], [3]))
  to.constant('values', longs(10, 20, 30))
  to.add('LookupTableImportV2', 'fill', ['table', 'keys', 'values'])
}

/** From a file: the whole line and its number unless told. */
const byFile =
  (attrs: Record<string, number | string> = {}) =>
  (to: GraphBuilder): void => {
    const all = { key_index: -2, value_index: -1, vocab_size: -1, ...attrs }
    const given = Object.entries(all).map(([name, value]) => [
      name,
      typeof value === 'number' ? attr.int(value) : attr.string(value),
    ])
    to.add('InitializeTableFromTextFileV2', 'fill', ['table', 'path'], Object.fromEntries(given))
  }

function ask(model: SavedModel, x: Tensor): Record<string, unknown> {
  const { main } = translate(model).signatures
  const found = main?.begin({ x }).finish({}) ?? {}
  return Object.fromEntries(
    Object.entries(found).map(([name, tensor]) => [
      name,
      tensor.dtype === 'DT_STRING'
        ? textsOf(tensor)
        : Array.from<unknown, unknown>(tensor.values, Number),
    ]),
  )
}

test('texts are looked up in a table of constants', () => {
  const x = stringTensor(['ü', 'x', 'a'], [3])

  expect(ask(modelOf({}), x)).toEqual({ y: [30, -1, 10], size: [3] })
})

test('numbers are', () => {
  const fill = (to: GraphBuilder): void => {
    to.constant('keys', longs(7, -7))
    to.constant('values', longs(1, 2))
    to.add('LookupTableImportV2', 'fill', ['table', 'keys', 'values'])
  }

  expect(ask(modelOf({ fill, keyType: INT64 }), longs(-7, 0, 7))).toMatchObject({ y: [2, -1, 1] })
})

test('so is what is in an empty table', () => {
  const fill = (to: GraphBuilder): void => {
    to.constant('keys', stringTensor([], [0]))
    to.constant('values', longs())
    to.add('LookupTableImportV2', 'fill', ['table', 'keys', 'values'])
  }

  expect(ask(modelOf({ fill }), stringTensor(['a'], [1]))).toEqual({ y: [-1], size: [0] })
})

describe('a file', () => {
  const x = stringTensor(['b', 'c', ''], [3])

  test.each<[string, string, Record<string, number | string>, number[]]>([
    ['has a key in each line', 'a\nb\nc', {}, [1, 2, -1]],
    ['may end with its last line', 'a\nb\nc\n', {}, [1, 2, -1]],
    ['has lines without carriage returns', 'a\r\nb\r\nc\r\n', {}, [1, 2, -1]],
    ['has lines that are counted from another number', 'b\nc', { offset: 5 }, [5, 6, -1]],
    [
      'has columns that are not counted',
      'b\t5\nc\t-6',
      { key_index: 0, value_index: 1, offset: 5 },
      [5, -6, -1],
    ],
    ['has columns', 'b\t5\nc\t-6\n', { key_index: 0, value_index: 1 }, [5, -6, -1]],
    [
      'has columns in any order',
      '5,b\n6,c',
      { key_index: 1, value_index: 0, delimiter: ',' },
      [5, 6, -1],
    ],
    ['is read so far', 'a\nb\nc', { vocab_size: 2 }, [1, -1, -1]],
  ])('%s', (_name, file, attrs, y) => {
    expect(ask(modelOf({ fill: byFile(attrs), file }), x)).toMatchObject({ y })
  })

  test.each<[string, Parts, string]>([
    ['that was not read', { fill: byFile(), read: false }, 'its file was not read'],
    [
      'that is too short',
      { fill: byFile({ vocab_size: 3 }), file: 'a\n' },
      'the file has 1 of 3 lines',
    ],
    [
      'with a line of too few columns',
      { fill: byFile({ key_index: 0, value_index: 1 }), file: 'a\t1\nb' },
      'a line has too few columns',
    ],
    [
      'with what is no number',
      { fill: byFile({ key_index: 0, value_index: 1 }), file: 'a\tx' },
      'its columns are no DT_INT64',
    ],
    [
      'with a number that is too large',
      { fill: byFile({ key_index: 0, value_index: 1 }), file: `a\t${2n ** 63n}` },
      'its columns are no DT_INT64',
    ],
    ['with an empty line', { fill: byFile(), file: 'a\n\nb' }, 'its file has an empty line'],
    ['with an empty last line', { fill: byFile(), file: 'a\n\n' }, 'its file has an empty line'],
    ['with a key twice', { fill: byFile(), file: 'a\na' }, 'a key is there twice'],
  ])('%s is left to TensorFlow', (_name, parts, why) => {
    expect(refusalOrNone(() => translate(modelOf(parts)))).toContain(`UNTRANSLATABLE: `)
    expect(refusalOrNone(() => translate(modelOf(parts)))).toContain(why)
  })
})

test.each<[string, Parts, string]>([
  ['that nothing fills', { fill: (to) => void to.add('NoOp', 'fill') }, 'nothing fills it'],
  [
    'that is filled twice',
    {
      fill: (to) => {
        to.constant('keys', stringTensor(['a'], [1]))
        to.constant('values', longs(1))
        to.add('LookupTableImportV2', 'first', ['table', 'keys', 'values'])
        to.add('LookupTableImportV2', 'second', ['table', 'keys', 'values'])
        to.add('NoOp', 'fill', ['^first', '^second'])
      },
    },
    'it is filled twice',
  ],
  [
    'whose values are worked out',
    {
      fill: (to) => {
        to.constant('keys', stringTensor(['a'], [1]))
        to.constant('one', longs(1))
        to.add('Neg', 'values', ['one'], { T: INT64 })
        to.add('LookupTableImportV2', 'fill', ['table', 'keys', 'values'])
      },
    },
    'what it fills in is no constant',
  ],
  [
    'of other values than it says',
    {
      fill: (to) => {
        to.constant('keys', stringTensor(['a'], [1]))
        to.constant('values', stringTensor(['a'], [1]))
        to.add('LookupTableImportV2', 'fill', ['table', 'keys', 'values'])
      },
    },
    'it is filled with DT_STRING',
  ],
  [
    'with more keys than values',
    {
      fill: (to) => {
        to.constant('keys', stringTensor(['a', 'b'], [2]))
        to.constant('values', longs(1))
        to.add('LookupTableImportV2', 'fill', ['table', 'keys', 'values'])
      },
    },
    'do not go together',
  ],
  [
    'of numbers with fractions',
    {
      keyType: FLOAT,
      fill: (to) => {
        to.constant('keys', { dtype: 'DT_FLOAT', shape: [1], values: Float32Array.of(1) })
        to.constant('values', longs(1))
        to.add('LookupTableImportV2', 'fill', ['table', 'keys', 'values'])
      },
    },
    'its keys are DT_FLOAT',
  ],
  [
    'that is very large',
    { fill: byFile(), file: Array.from({ length: 50_001 }, (_, at) => `${at}\n`).join('') },
    'it has over 50000 keys',
  ],
])('a table %s is left to TensorFlow', (_name, parts, why) => {
  expect(refusalOrNone(() => translate(modelOf(parts)))).toContain(why)
})
