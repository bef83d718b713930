import { attr, GraphBuilder, writeSavedModel } from '@drover/saved-model'
import { floatTensor, type SignatureDef } from '@drover/serving-api'

// Real SavedModels, as small as they get.

const FEATURES = 2
const CLASSES = 3

const predict = (more: Partial<SignatureDef> = {}): SignatureDef => ({
  methodName: 'tensorflow/serving/predict',
  inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, FEATURES] } },
  outputs: { scores: { name: 'scores:0', dtype: 'DT_FLOAT', shape: [-1, CLASSES] } },
  ...more,
})

function withInput(): GraphBuilder {
  const graph = new GraphBuilder()
  const attrs = { dtype: attr.type('DT_FLOAT'), shape: attr.shape([-1, FEATURES]) }
  graph.add('Placeholder', 'x', [], attrs)
  return graph
}

const float = { T: attr.type('DT_FLOAT') }

/** Scores of three classes by a linear map; `weight` makes one model differ from another. */
export function linearModel(weight = 0.5, signature = 'serving_default'): Uint8Array {
  const graph = withInput()
  const weights = [weight, -weight, 0.1, 0.2, weight, -0.3]
  graph.constant('w', floatTensor(weights, [FEATURES, CLASSES]))
  const matMul = { transpose_a: attr.bool(false), transpose_b: attr.bool(false) }
  graph.add('MatMul', 'logits', ['x', 'w'], { ...float, ...matMul })
  graph.add('Softmax', 'scores', ['logits'], float)
  return writeSavedModel({ graph: graph.build(), signatures: { [signature]: predict() } })
}

/** One operation from the input to the output: `Digamma` is one that only TensorFlow has. */
export function unaryModel(op: string): Uint8Array {
  const graph = withInput()
  graph.add(op, 'scores', ['x'], float)
  const outputs = {
    scores: { name: 'scores:0', dtype: 'DT_FLOAT', shape: [-1, FEATURES] },
  } as const
  return writeSavedModel({
    graph: graph.build(),
    signatures: { serving_default: predict({ outputs }) },
  })
}

/**
 * What it answers is drawn by chance, each time anew, where a feature is 1, and zero elsewhere; another
 * signature may answer the input.
 */
export function noisyModel(steady?: string): Uint8Array {
  const graph = withInput()
  const shape = attr.type('DT_INT32')
  graph.add('Shape', 'shape', ['x'], { ...float, out_type: shape })
  const seeds = { seed: attr.int(0), seed2: attr.int(0) }
  const drawn = { dtype: attr.type('DT_FLOAT'), T: shape, ...seeds }
  graph.add('RandomStandardNormal', 'noise', ['shape'], drawn)
  graph.constant('one', floatTensor([1], []))
  graph.add('Equal', 'is-one', ['x', 'one'], {
    ...float,
    incompatible_shape_error: attr.bool(true),
  })
  const cast = { SrcT: attr.type('DT_BOOL'), DstT: attr.type('DT_FLOAT') }
  graph.add('Cast', 'where', ['is-one'], { ...cast, Truncate: attr.bool(false) })
  graph.add('Mul', 'scores', ['noise', 'where'], float)
  const outputs = { scores: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, FEATURES] } } as const
  const others = steady === undefined ? {} : { [steady]: predict({ outputs }) }
  const signatures = { serving_default: predict(), ...others }
  return writeSavedModel({ graph: graph.build(), signatures })
}

/** The same answers under another name for the input. */
export function renamedModel(): Uint8Array {
  const graph = withInput()
  graph.add('Softmax', 'scores', ['x'], float)
  const inputs = { features: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, FEATURES] } } as const
  return writeSavedModel({
    graph: graph.build(),
    signatures: { serving_default: predict({ inputs }) },
  })
}

/** Every engine answers it, after minutes: products of large matrices. */
export function slowModel(width = 3_000): Uint8Array {
  const graph = withInput()
  const ints = (name: string, values: number[]) =>
    graph.constant(name, {
      dtype: 'DT_INT32',
      shape: [values.length],
      values: Int32Array.from(values),
    })
  const [size, axes] = [ints('size', [width, width]), ints('axes', [0, 1])]
  const sums = { ...float, Tidx: attr.type('DT_INT32') }
  graph.add('Sum', 'one', ['x', axes], sums)
  graph.add('Fill', 'product', [size, 'one'], { ...float, index_type: attr.type('DT_INT32') })
  let last = 'product'
  for (let index = 0; index < 200; index++)
    last = graph.add('MatMul', `product${index}`, [last, 'product'], float)
  graph.add('Sum', 'scores', [last, axes], sums)
  const outputs = { scores: { name: 'scores:0', dtype: 'DT_FLOAT', shape: [] } } as const
  return writeSavedModel({
    graph: graph.build(),
    signatures: { serving_default: predict({ outputs }) },
  })
}

/** Values, and whole numbers behind them: the splits of a ragged tensor, or places among the values. */
export function ofTwoInputs(kind: 'ragged' | 'places'): Uint8Array {
  const graph = new GraphBuilder()
  const long = attr.type('DT_INT64')
  graph.add('Placeholder', 'x', [], { dtype: attr.type('DT_FLOAT') })
  graph.add('Placeholder', 'x_1', [], { dtype: long })
  const int32 = { dtype: 'DT_INT32', shape: [], values: Int32Array.of(0) } as const
  if (kind === 'ragged') {
    const values = BigInt64Array.of(-1n, -1n)
    const shape = graph.constant('shape', { dtype: 'DT_INT64', shape: [2], values })
    const zero = graph.constant('zero', floatTensor([0], []))
    graph.add('RaggedTensorToTensor', 'scores', [shape, 'x', zero, 'x_1'], {
      ...float,
      Tindex: long,
      Tshape: long,
      num_row_partition_tensors: attr.int(1),
      row_partition_types: attr.strings(['ROW_SPLITS']),
    })
  } else
    graph.add('GatherV2', 'scores', ['x', 'x_1', graph.constant('axis', int32)], {
      Tparams: attr.type('DT_FLOAT'),
      Tindices: long,
      Taxis: attr.type('DT_INT32'),
      batch_dims: attr.int(0),
    })
  const inputs = {
    x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1] },
    x_1: { name: 'x_1:0', dtype: 'DT_INT64', shape: [-1] },
  } as const
  const outputs = { scores: { name: 'scores:0', dtype: 'DT_FLOAT', shape: undefined } } as const
  return writeSavedModel({
    graph: graph.build(),
    signatures: { serving_default: predict({ inputs, outputs }) },
  })
}
