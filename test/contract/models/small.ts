// A model for each rule that upstream's own do not touch.

import { attr, GraphBuilder, PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import {
  DATA_TYPES,
  type DataType,
  floatTensor,
  type SignatureDef,
  type TensorInfo,
} from '@drover/serving-api'
import { FLOAT, info, integers, placeholder } from './graphs.ts'

type Infos = SignatureDef['inputs']

const predict = (inputs: Infos, outputs: Infos): SignatureDef => ({
  methodName: PREDICT_METHOD,
  inputs,
  outputs,
})

/** The name of an element type as error texts have it: `float`, `uint8`, `complex64`. */
const shortName = (dtype: DataType): string => dtype.slice('DT_'.length).toLowerCase()

/**
 * A signature for each element type, named after it: `x` in, `y` out, the same. `bytes` is `string` with an output
 * named as bytes are, `nothing` has no inputs, and `to_half` answers in a type that is not in JSON.
 */
export function types(): Uint8Array {
  const graph = new GraphBuilder()
  const signatures: Record<string, SignatureDef> = {}
  const add = (name: string, dtype: DataType, output = 'y'): void => {
    const x = placeholder(graph, `${name}_x`, dtype)
    const y = graph.add('Identity', `${name}_y`, [x], { T: attr.type(dtype) })
    signatures[name] = predict(
      { x: info(x, dtype, undefined) },
      { [output]: info(y, dtype, undefined) },
    )
  }
  for (const dtype of DATA_TYPES) add(shortName(dtype), dtype)
  add('bytes', 'DT_STRING', 'y_bytes')
  const nothing = graph.constant('nothing', floatTensor([1]))
  signatures.nothing = predict({}, { y: info(nothing, 'DT_FLOAT', [1]) })
  const x = placeholder(graph, 'to_half_x', 'DT_FLOAT')
  const half = graph.add('Cast', 'to_half_y', [x], {
    SrcT: attr.type('DT_FLOAT'),
    DstT: attr.type('DT_HALF'),
    Truncate: attr.bool(false),
  })
  signatures.to_half = predict(
    { x: info(x, 'DT_FLOAT', undefined) },
    { y: info(half, 'DT_HALF', undefined) },
  )
  return writeSavedModel({ graph: graph.build(), signatures })
}

/** `sum`: a scalar, whatever `x` is; it has no first dimension to be a row of. */
export function scalar(): Uint8Array {
  const graph = new GraphBuilder()
  const x = placeholder(graph, 'x', 'DT_FLOAT')
  const sum = graph.add('Sum', 'sum', [x, integers(graph, 'axes', [0])], {
    ...FLOAT,
    Tidx: attr.type('DT_INT32'),
    keep_dims: attr.bool(false),
  })
  const serving_default = predict(
    { x: info(x, 'DT_FLOAT', [-1]) },
    { sum: info(sum, 'DT_FLOAT', []) },
  )
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}

/** y = x * x, of any shape, a scalar's too. */
export function square(): Uint8Array {
  const graph = new GraphBuilder()
  const x = placeholder(graph, 'x', 'DT_FLOAT')
  const y = graph.add('Mul', 'y', [x, x], FLOAT)
  const serving_default = predict(
    { x: info(x, 'DT_FLOAT', undefined) },
    { y: info(y, 'DT_FLOAT', undefined) },
  )
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}

/** y = x + `addend`. */
export function plus(addend: number): Uint8Array {
  const graph = new GraphBuilder()
  const x = placeholder(graph, 'x', 'DT_FLOAT')
  const y = graph.add('AddV2', 'y', [x, graph.constant('addend', floatTensor([addend], []))], FLOAT)
  const serving_default = predict(
    { x: info(x, 'DT_FLOAT', [-1]) },
    { y: info(y, 'DT_FLOAT', [-1]) },
  )
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}

const column = (node: string): TensorInfo => info(node, 'DT_FLOAT', [-1])

/** `sum` = a + b and `difference` = a - b. */
export function pair(): Uint8Array {
  const graph = new GraphBuilder()
  const a = placeholder(graph, 'a', 'DT_FLOAT')
  const b = placeholder(graph, 'b', 'DT_FLOAT')
  const sum = graph.add('AddV2', 'sum', [a, b], FLOAT)
  const difference = graph.add('Sub', 'difference', [a, b], FLOAT)
  const serving_default = predict(
    { a: column(a), b: column(b) },
    { sum: column(sum), difference: column(difference) },
  )
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}

/** `first`: as many rows of `x` as is said; with `all`, x as it is, as a second output. */
export function rowsOf(count: number, { all = false } = {}): Uint8Array {
  const graph = new GraphBuilder()
  const x = placeholder(graph, 'x', 'DT_FLOAT')
  const begin = integers(graph, 'begin', [0])
  const first = graph.add('Slice', 'first', [x, begin, integers(graph, 'size', [count])], {
    ...FLOAT,
    Index: attr.type('DT_INT32'),
  })
  const outputs: Record<string, TensorInfo> = { first: info(first, 'DT_FLOAT', [-1]) }
  if (all) outputs.whole = info(graph.add('Identity', 'whole', [x], FLOAT), 'DT_FLOAT', [-1])
  const serving_default = predict({ x: info(x, 'DT_FLOAT', [-1]) }, outputs)
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}

const SLEEPY_WIDTH = 64
const SLEEPY_LAYERS = 200

/** `total` = 64 x after a great deal of arithmetic on x rows, for requests that must wait. */
export function sleepy(): Uint8Array {
  const graph = new GraphBuilder()
  const x = placeholder(graph, 'x', 'DT_INT32')
  const width = graph.constant('width', {
    dtype: 'DT_INT32',
    shape: [],
    values: Int32Array.of(SLEEPY_WIDTH),
  })
  const shape = graph.add('Pack', 'shape', [x, width], {
    N: attr.int(2),
    T: attr.type('DT_INT32'),
    axis: attr.int(0),
  })
  const one = graph.constant('one', floatTensor([1], []))
  let rows = graph.add('Fill', 'rows', [shape, one], {
    ...FLOAT,
    index_type: attr.type('DT_INT32'),
  })
  const weight = new Float32Array(SLEEPY_WIDTH * SLEEPY_WIDTH).fill(1 / SLEEPY_WIDTH)
  const weights = graph.constant('weights', {
    dtype: 'DT_FLOAT',
    shape: [SLEEPY_WIDTH, SLEEPY_WIDTH],
    values: weight,
  })
  for (let layer = 0; layer < SLEEPY_LAYERS; layer++)
    rows = graph.add('MatMul', `layer_${layer}`, [rows, weights], {
      ...FLOAT,
      transpose_a: attr.bool(false),
      transpose_b: attr.bool(false),
    })
  const total = graph.add('Sum', 'total', [rows, integers(graph, 'axes', [0, 1])], {
    ...FLOAT,
    Tidx: attr.type('DT_INT32'),
    keep_dims: attr.bool(false),
  })
  const serving_default = predict(
    { x: info(x, 'DT_INT32', []) },
    { total: info(total, 'DT_FLOAT', []) },
  )
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}
