import { attr, type GraphDef, GraphBuilder, PREDICT_METHOD } from '@drover/saved-model'
import { floatTensor, type SignatureDef, stringTensor, type TensorInfo } from '@drover/serving-api'
import { addAnswer, FLOAT } from './graph-parts.ts'
import { DEVIATIONS_MAX, type Feature } from './tabular-features.ts'
import { inFeatureOrder, type TabularModel } from './tabular-model.ts'

type FeatureOf<T extends Feature['type']> = Extract<Feature, { type: T }>

/** A graph that takes the raw columns, one input for each, and answers scores and label. */
export function tabularGraph(model: TabularModel): {
  graph: GraphDef
  signatures: Record<string, SignatureDef>
} {
  const graph = new GraphBuilder()
  const inputs: [string, TensorInfo][] = []
  const numbers: string[] = []
  const categories: string[] = []
  const second = graph.constant('axis/columns', {
    dtype: 'DT_INT32',
    shape: [],
    values: Int32Array.of(1),
  })
  for (const feature of inFeatureOrder(model.features)) {
    const dtype = feature.type === 'category' ? 'DT_STRING' : 'DT_FLOAT'
    const input = graph.add('Placeholder', `input/${feature.name}`, [], {
      dtype: attr.type(dtype),
      shape: attr.shape([-1]),
    })
    inputs.push([feature.name, { name: `${input}:0`, dtype, shape: [-1] }])
    if (feature.type === 'category') categories.push(addCategory(graph, feature, input, second))
    else numbers.push(...addNumbers(graph, feature, input))
  }
  const parts = [...(numbers.length > 0 ? [addNumberColumns(graph, numbers)] : []), ...categories]
  const features = join(graph, parts, second)
  const count = model.labels.length
  const weights = floatTensor(model.weights, [model.weights.length / count, count])
  const product = graph.add('MatMul', 'product', [features, graph.constant('weights', weights)], {
    T: FLOAT,
    transpose_a: attr.bool(false),
    transpose_b: attr.bool(false),
  })
  const logits = graph.add(
    'BiasAdd',
    'logits',
    [product, graph.constant('bias', floatTensor(model.bias))],
    {
      T: FLOAT,
      data_format: attr.string('NHWC'),
    },
  )
  const outputs = addAnswer(graph, logits, model.labels)
  const signature = {
    methodName: PREDICT_METHOD,
    inputs: Object.fromEntries(inputs),
    outputs,
  }
  return { graph: graph.build(), signatures: { serving_default: signature } }
}

/** Vectors of floats, one for each feature. */
function addNumbers(
  graph: GraphBuilder,
  feature: FeatureOf<'number'> | FeatureOf<'cyclic'>,
  input: string,
): string[] {
  const scope = `column/${feature.name}`
  const number = (name: string, value: number): string =>
    graph.constant(`${scope}/${name}`, floatTensor([value], []))
  const op = (type: string, name: string, inputs: string[]): string =>
    graph.add(type, `${scope}/${name}`, inputs, { T: FLOAT })
  if (feature.type === 'number') {
    const off = op('Sub', 'off', [input, number('mean', feature.mean)])
    const scaled = op('Mul', 'scaled', [off, number('scale', feature.scale)])
    const low = op('Maximum', 'not_below', [scaled, number('lowest', -DEVIATIONS_MAX)])
    return [op('Minimum', 'not_above', [low, number('highest', DEVIATIONS_MAX)])]
  }
  const turns = op('Mul', 'turns', [input, number('frequency', feature.frequency)])
  const part = op('Sub', 'part', [turns, op('Floor', 'whole', [turns])])
  const angle = op('Mul', 'angle', [part, number('circle', 2 * Math.PI)])
  return [op('Sin', 'sin', [angle]), op('Cos', 'cos', [angle])]
}

/** Side by side: [rows, numbers]. */
function addNumberColumns(graph: GraphBuilder, numbers: readonly string[]): string {
  return graph.add('Pack', 'numbers', numbers, {
    N: attr.int(numbers.length),
    T: FLOAT,
    axis: attr.int(1),
  })
}

/** 1 at the value's place in the vocabulary; zeros for an unseen one: [rows, values]. */
function addCategory(
  graph: GraphBuilder,
  { name, vocabulary }: FeatureOf<'category'>,
  input: string,
  second: string,
): string {
  const scope = `column/${name}`
  const values = graph.constant(
    `${scope}/vocabulary`,
    stringTensor(vocabulary, [1, vocabulary.length]),
  )
  const rows = graph.add('ExpandDims', `${scope}/rows`, [input, second], {
    T: attr.type('DT_STRING'),
    Tdim: attr.type('DT_INT32'),
  })
  const isValue = graph.add('Equal', `${scope}/is_value`, [rows, values], {
    T: attr.type('DT_STRING'),
    incompatible_shape_error: attr.bool(true),
  })
  return graph.add('Cast', `${scope}/one_hot`, [isValue], {
    SrcT: attr.type('DT_BOOL'),
    DstT: FLOAT,
    Truncate: attr.bool(false),
  })
}

function join(graph: GraphBuilder, parts: readonly string[], axis: string): string {
  const [only = ''] = parts
  if (parts.length === 1) return only
  return graph.add('ConcatV2', 'features', [...parts, axis], {
    N: attr.int(parts.length),
    T: FLOAT,
    Tidx: attr.type('DT_INT32'),
  })
}
