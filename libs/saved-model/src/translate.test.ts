import { floatTensor, type Tensor, type TensorInfo, textsOf } from '@drover/serving-api'
import { stringTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { attr, GraphBuilder, NOTHING_TO_LOAD, PREDICT_METHOD } from './graph.ts'
import { readSavedModel } from './read.ts'
import { translate, type TranslatedSignature } from './translate.ts'
import { writeSavedModel } from './write.ts'
import { refusalOrNone } from './refusal.fixture.ts'

const [FLOAT, STRING] = [attr.type('DT_FLOAT'), attr.type('DT_STRING')]

type Infos = Record<string, TensorInfo>

function translated(
  builder: GraphBuilder,
  signatures: Record<string, { inputs: Infos; outputs: Infos }>,
): Readonly<Record<string, TranslatedSignature>> {
  const whole = Object.entries(signatures).map(([name, signature]) => [
    name,
    { methodName: PREDICT_METHOD, ...signature },
  ])
  const bytes = writeSavedModel({ graph: builder.build(), signatures: Object.fromEntries(whole) })
  return translate(readSavedModel(bytes)).signatures
}

const text = (name: string): TensorInfo => ({ name, dtype: 'DT_STRING', shape: [-1] })
const float = (name: string): TensorInfo => ({ name, dtype: 'DT_FLOAT', shape: [-1] })

/** A signature whose parts are all in TypeScript, run. */
function runText(
  signature: TranslatedSignature | undefined,
  inputs: Record<string, Tensor>,
): Record<string, Tensor> | undefined {
  return signature?.begin(inputs).finish({})
}

test('a signature of text alone needs no ONNX model', () => {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: STRING })
  builder.add('StringLower', 'y', ['x'], { encoding: attr.string('utf-8') })

  const { main } = translated(builder, {
    main: { inputs: { x: text('x') }, outputs: { y: text('y:0') } },
  })

  expect(main?.model).toBeUndefined()
  const { y } = runText(main, { x: stringTensor(['ÄB', '']) }) ?? {}
  expect(y?.dtype === 'DT_STRING' && textsOf(y)).toEqual(['äb', ''])
})

test('text that depends on numbers is made after them', () => {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: FLOAT })
  builder.add('Tanh', 'tanh', ['x'], { T: FLOAT })
  builder.add('Cast', 'index', ['tanh'], { SrcT: FLOAT, DstT: attr.type('DT_INT32') })
  builder.constant('labels', stringTensor(['no', 'yes']))
  builder.constant('axis', { dtype: 'DT_INT32', shape: [], values: Int32Array.of(0) })
  builder.add('GatherV2', 'label', ['labels', 'index', 'axis'], {
    Tparams: STRING,
    Tindices: attr.type('DT_INT32'),
  })
  const { main } = translated(builder, {
    main: { inputs: { x: float('x') }, outputs: { label: text('label') } },
  })

  const run = main?.begin({ x: floatTensor([0, 9]) })
  const [index = ''] = main?.model?.outputs ?? []
  const { label } =
    run?.finish({ [index]: { dtype: 'DT_INT32', shape: [2], values: Int32Array.of(0, 1) } }) ?? {}

  expect(Object.values(run?.feeds ?? {})).toEqual([floatTensor([0, 9])])
  expect(label?.dtype === 'DT_STRING' && textsOf(label)).toEqual(['no', 'yes'])
})

test('signatures with equal numeric parts have equal ONNX models', () => {
  const builder = new GraphBuilder()
  for (const side of ['a', 'b']) {
    builder.add('Placeholder', `${side}/x`, [], { dtype: FLOAT })
    builder.add('Tanh', `${side}/y`, [`${side}/x`], { T: FLOAT })
  }

  const { a, b } = translated(builder, {
    a: { inputs: { x: float('a/x') }, outputs: { y: float('a/y') } },
    b: { inputs: { x: float('b/x') }, outputs: { y: float('b/y') } },
  })

  expect(a?.model?.bytes).toEqual(b?.model?.bytes)
  expect(a?.model?.outputs).toEqual(b?.model?.outputs)
})

test('nodes that a signature does not need are no concern of its', () => {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: FLOAT })
  builder.add('Tanh', 'y', ['x'], { T: FLOAT })
  builder.add('TotallyUnknown', 'z', ['x'])

  const { main } = translated(builder, {
    main: { inputs: { x: float('x') }, outputs: { y: float('y') } },
  })

  expect(main?.model?.outputs).toHaveLength(1)
})

test.each<[string, (builder: GraphBuilder) => void, RegExp]>([
  [
    'an operation that nobody knows',
    (builder) => builder.add('Conv9D', 'y', ['x'], { T: FLOAT }),
    /^UNTRANSLATABLE: Conv9D \(node y\)/,
  ],
  [
    'waiting for a node that prints something',
    (builder) => {
      builder.add('PrintV2', 'check', ['x'])
      builder.add('Neg', 'y', ['x', '^check'], { T: FLOAT })
    },
    /^UNTRANSLATABLE: Neg \(node y\): it waits for PrintV2 \(node check\), which has an effect/,
  ],
  [
    'a placeholder that is not fed',
    (builder) => {
      builder.add('Placeholder', 'other', [], { dtype: FLOAT })
      builder.add('Add', 'y', ['x', 'other'], { T: FLOAT })
    },
    /^UNTRANSLATABLE: Placeholder \(node other\)/,
  ],
  ['an output that is not there', () => {}, /^NOT_A_SAVED_MODEL: the graph has no node y/],
])('%s is refused by name', (_, build, refusal) => {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: FLOAT })
  build(builder)

  const work = () =>
    translated(builder, { main: { inputs: { x: float('x') }, outputs: { y: float('y') } } })

  expect(refusalOrNone(work)).toMatch(refusal)
})

test('a loop is refused', () => {
  const nodes = [
    { name: 'a', op: 'Neg', inputs: ['b'], attrs: { T: FLOAT } },
    { name: 'b', op: 'Neg', inputs: ['a'], attrs: { T: FLOAT } },
  ]
  const signature = { methodName: PREDICT_METHOD, inputs: {}, outputs: { y: float('a') } }
  const savedModel = {
    tags: ['serve'],
    graph: { nodes, versions: { producer: 1, minConsumer: 1 } },
    signatures: { main: signature },
    tensorflowVersion: '',
    loading: NOTHING_TO_LOAD,
    neededFiles: [],
  }

  expect(refusalOrNone(() => translate(savedModel))).toMatch(/part of a loop/)
})

test('a graph as deep as a stack is not', () => {
  const builder = new GraphBuilder()
  let last = builder.add('Placeholder', 'x', [], { dtype: FLOAT })
  for (let depth = 0; depth < 20_000; depth++)
    last = builder.add('Relu', `relu${depth}`, [last], { T: FLOAT })

  const { main } = translated(builder, {
    main: { inputs: { x: float('x') }, outputs: { y: float(last) } },
  })

  expect(main?.model?.outputs).toHaveLength(1)
})

test('a kernel that refuses its input names its node', () => {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: STRING })
  builder.constant('blank', stringTensor([''], []))
  builder.add('StringSplitV2', 'words', ['x', 'blank'])
  const { main } = translated(builder, {
    main: { inputs: { x: text('x') }, outputs: { words: text('words:1') } },
  })

  const work = () => main?.begin({ x: stringTensor(['a'], []) })

  expect(refusalOrNone(work)).toBe('INVALID_INPUT: StringSplitV2 (node words) failed')
})
