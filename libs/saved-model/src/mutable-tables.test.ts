import { stringTensor, type Tensor } from '@drover/serving-api'
import { describe, expect, test } from 'vitest'
import { openBundle, shardsInMemory, writeBundle } from './bundle/index.ts'
import { attr, GraphBuilder, NOTHING_TO_LOAD, PREDICT_METHOD, type SavedModel } from './graph.ts'
import { legacyHash64 } from './legacy-hash.ts'
import { compileModel } from './program/index.ts'
import { refusalOrNone } from './refusal.fixture.ts'
import { translate } from './translate.ts'

const longs = (values: readonly number[], shape = [values.length]): Tensor => ({
  dtype: 'DT_INT64',
  shape,
  values: BigInt64Array.from(values, BigInt),
})
const texts = (values: readonly string[], shape = [values.length]): Tensor =>
  stringTensor([...values], shape)
const column = (values: readonly number[]) => longs(values, [values.length, 1])
const [EMPTY, DELETED] = [longs([-1], []), longs([-2], [])]

interface Parts {
  keys: Tensor
  values: Tensor
  op?: string
  marks?: readonly Tensor[]
  attrs?: Record<string, ReturnType<typeof attr.int>>
  /** Adds to the graph; may give another node to run at a load. */
  more?: (to: GraphBuilder) => string
  fallback?: Tensor
  restoreOp?: string
}

/** A model that looks `x` up in a table that its checkpoint fills. */
function modelOf({ keys, values, marks = [], attrs = {}, more, ...parts }: Parts): SavedModel {
  const { op = 'MutableHashTableV2', fallback = longs([-9], []), restoreOp = 'fill' } = parts
  const to = new GraphBuilder()
  const [key, value] = [attr.type(keys.dtype), attr.type(values.dtype)]
  to.add('Placeholder', 'x', [], { dtype: key })
  for (const [at, mark] of marks.entries()) to.constant(`mark${at}`, mark)
  const inputs = marks.map((_, at) => `mark${at}`)
  to.add(op, 'table', inputs, { key_dtype: key, value_dtype: value, ...attrs })
  to.constant('prefix', texts([''], []))
  to.constant('names', texts(['table-keys', 'table-values']))
  to.constant('slices', texts(['', '']))
  to.add('RestoreV2', 'read', ['prefix', 'names', 'slices'])
  to.add('LookupTableImportV2', 'fill', ['table', 'read:0', 'read:1'])
  to.constant('none', fallback)
  to.add('LookupTableFindV2', 'y', ['table', 'x', 'none'], { Tin: key, Tout: value })
  to.add('LookupTableSizeV2', 'size', ['table'])
  const init = more?.(to)
  const { index, data } = writeBundle(
    new Map([
      ['table-keys', keys],
      ['table-values', values],
    ]),
  )
  const signature = {
    methodName: PREDICT_METHOD,
    inputs: { x: { name: 'x:0', dtype: keys.dtype, shape: [-1] } },
    outputs: { y: { name: 'y:0', dtype: values.dtype, shape: [-1] } },
  }
  return {
    tags: ['serve'],
    graph: to.build(),
    signatures: {
      main: signature,
      size: { ...signature, outputs: { y: { name: 'size:0', dtype: 'DT_INT64', shape: [] } } },
    },
    tensorflowVersion: '',
    loading: {
      ...NOTHING_TO_LOAD,
      restoreOp,
      initOps: init === undefined ? [] : [init],
      checkpointPath: 'prefix:0',
    },
    checkpoint: openBundle(
      index,
      shardsInMemory(() => data),
    ),
    neededFiles: [],
  }
}

function ask(model: SavedModel, x: Tensor, signature = 'main'): number[] {
  const found = translate(model).signatures[signature]?.begin({ x }).finish({})['y']
  return Array.from<unknown, number>(found?.values ?? [], Number)
}

const WORDS: Parts = { keys: texts(['a', 'ü', '']), values: longs([10, 20, 30]) }

test('a table holds what the checkpoint fills it with', () => {
  const model = modelOf(WORDS)

  expect(ask(model, texts(['ü', 'x', '', 'a']))).toEqual([20, -9, 30, 10])
  expect(ask(model, texts([]), 'size')).toEqual([3])
})

test('each key is looked up by itself, so that requests may be cut into rows', () => {
  expect(compileModel(modelOf(WORDS)).programs['main']?.division.by).toBe('rows')
})

/** Places of a table: at each the key that leads there. */
const DENSE: Parts = {
  op: 'MutableDenseHashTableV2',
  marks: [EMPTY, DELETED],
  keys: column([8, 1, -1, -1, 12, -2, 9, -1]),
  values: column([80, 10, 0, 0, 120, 0, 90, 0]),
}

describe('a dense table', () => {
  test('holds what is not at free places, each key on the way that its hash leads to', () => {
    // 9 leads to place 1, which has another key, to 2, and on to 4: it is lost at the free one between.
    const keys = column([8, 1, 9, -1, 12, -2, -1, -1])
    const model = modelOf({ ...DENSE, keys, values: column([80, 10, 90, 0, 120, 0, 0, 0]) })

    expect(ask(model, longs([9, 8, 12, 1, 3]))).toEqual([90, 80, 120, 10, -9])
    expect(ask(model, longs([]), 'size')).toEqual([4])
    expect(ask(model, column([9, 3]))).toEqual([90, -9])
  })

  test('may have texts for keys', () => {
    const words = ['a', 'straße', '']
    const places = ['-', '-', '-', '-', '-', '-', '-', '-']
    for (const word of words) {
      let at = Number(legacyHash64(new TextEncoder().encode(word)) & 7n)
      for (let step = 1; places[at] !== '-'; step++) at = (at + step) & 7
      places[at] = word
    }
    const model = modelOf({
      op: 'MutableDenseHashTableV2',
      marks: [texts(['-'], []), texts(['='], [])],
      keys: texts(places, [8, 1]),
      values: column(places.map((word) => words.indexOf(word))),
    })

    expect(ask(model, texts(['', 'x', 'straße', 'a']))).toEqual([2, -9, 1, 0])
  })

  test.each<[string, Tensor, string]>([
    ['where nothing was put', longs([1, -1]), 'the key -1 stands for none'],
    ['where something was', longs([-2]), 'the key -2 stands for none'],
    ['beside another in a row', longs([1, 2], [1, 2]), '[1,2] has more than one key in a row'],
  ])('is not asked for a key that stands %s', (_name, x, message) => {
    const keys = column([8, 1, -1, -1, 12, -2, -1, -1])

    expect(() => ask(modelOf({ ...DENSE, keys }), x)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        cause: expect.objectContaining({ message }),
      }),
    )
  })

  test.each<[string, Partial<Parts>, string]>([
    ['a key where nobody looks', {}, 'its place 6 is not where its key leads to'],
    [
      'a key twice',
      { keys: column([8, 8, -1, -1, -1, -1, -1, -1]) },
      'its place 1 is not where its key leads to',
    ],
    [
      'no free place',
      { keys: column([0, 1]), values: column([0, 1]) },
      'its places are not as TensorFlow stores them',
    ],
    [
      'six places',
      { keys: column([0, 1, 2, -1, -1, -1]), values: column([0, 1, 2, 0, 0, 0]) },
      'its places are not as',
    ],
    ['fewer values', { values: column([80, 10]) }, 'its places are not as'],
    ['rows of values', { attrs: { value_shape: attr.shape([2]) } }, 'its values are no single'],
    ['marks that are rows', { marks: [longs([-1]), longs([-2])] }, 'what marks its free places'],
    [
      'keys of fractions',
      {
        marks: [-1, -2].map((mark) => ({
          dtype: 'DT_FLOAT',
          shape: [],
          values: Float32Array.of(mark),
        })),
        keys: { dtype: 'DT_FLOAT', shape: [2, 1], values: Float32Array.of(1, -1) },
      },
      'its keys are DT_FLOAT',
    ],
  ])('with %s is left to TensorFlow', (_name, parts, why) => {
    const refusal = refusalOrNone(() => translate(modelOf({ ...DENSE, ...parts })))

    expect(refusal).toContain('UNTRANSLATABLE: MutableDenseHashTableV2 (node table): ')
    expect(refusal).toContain(why)
  })
})

const change = (op: string) => (to: GraphBuilder) => {
  to.constant('more', texts(['z']))
  to.constant('numbers', longs([1]))
  to.add(op, 'changed', ['table', 'more', 'numbers'].slice(0, op.endsWith('RemoveV2') ? 2 : 3))
  return 'changed'
}

test.each<[string, Partial<Parts>, string]>([
  ['that nothing restores', { restoreOp: '' }, 'nothing fills it'],
  [
    'that is filled again',
    { more: change('LookupTableImportV2') },
    'changed changes it when the model is loaded',
  ],
  [
    'that is filled twice at once',
    {
      more: (to) => {
        to.add('LookupTableImportV2', 'again', ['table', 'read:0', 'read:1'])
        return to.add('NoOp', 'all', ['^fill', '^again'])
      },
      restoreOp: 'all',
    },
    'changes it when the model is loaded',
  ],
  [
    'to which something is added',
    { more: change('LookupTableInsertV2') },
    'changed changes it when the model is loaded',
  ],
  [
    'from which something is taken',
    { more: change('LookupTableRemoveV2') },
    'changed changes it when the model is loaded',
  ],
  ['with a default for each key', { fallback: longs([1, 2]) }, 'its default is not one constant'],
  ['of rows', { op: 'MutableHashTableOfTensorsV2' }, 'it has no translation'],
  ['with a key twice', { keys: texts(['a', 'a', 'b']) }, 'a key is there twice'],
])('a table %s is left to TensorFlow', (_name, parts, why) => {
  const refusal = refusalOrNone(() => translate(modelOf({ ...WORDS, ...parts })))

  expect(refusal).toMatch(/^UNTRANSLATABLE: /)
  expect(refusal).toContain(why)
})

test('a table that another signature changes is left to TensorFlow', () => {
  const model = modelOf({ ...WORDS, more: change('LookupTableInsertV2') })
  const { main } = model.signatures
  if (main === undefined) throw new Error('there is no signature')
  const nodes = [
    ...model.graph.nodes,
    { name: 'told', op: 'Identity', inputs: ['x', '^changed'], attrs: {} },
  ]
  const told = {
    ...main,
    outputs: { y: { name: 'told:0', dtype: 'DT_STRING', shape: [-1] } },
  } as const
  const changing = {
    ...model,
    graph: { ...model.graph, nodes },
    loading: { ...model.loading, initOps: [] },
    signatures: { main, told },
  }

  expect(refusalOrNone(() => translate(changing))).toBe(
    'UNTRANSLATABLE: LookupTableInsertV2 (node changed): it changes what the model keeps',
  )
})
