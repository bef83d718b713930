// Models for the tests of this lib, with random weights: the shapes of the models that Drover trains.

import {
  attr,
  type FunctionDef,
  GraphBuilder,
  PREDICT_METHOD,
  writeSavedModel,
} from '@drover/saved-model'
import { floatTensor, type SignatureDef, stringTensor, type TensorInfo } from '@drover/serving-api'

const BUCKETS = 256
const HIDDEN = 16
const LABELS = ['refund', 'card', 'größe', 'other']
const [FLOAT, STRING] = [attr.type('DT_FLOAT'), attr.type('DT_STRING')]
const [INT32, INT64, BOOL] = [attr.type('DT_INT32'), attr.type('DT_INT64'), attr.type('DT_BOOL')]

/** What a signature says of a tensor. */
export const info = (
  name: string,
  dtype: TensorInfo['dtype'],
  shape: readonly number[] | 'unknown' = [-1],
): TensorInfo => ({ name, dtype, shape: shape === 'unknown' ? undefined : shape })

/** The bytes of a SavedModel with these signatures. */
export function modelBytes(
  builder: GraphBuilder,
  signatures: Record<string, Pick<SignatureDef, 'inputs' | 'outputs'>>,
  functions: ReadonlyMap<string, FunctionDef> = new Map(),
): Uint8Array {
  const whole = Object.entries(signatures).map(([name, signature]) => [
    name,
    { methodName: PREDICT_METHOD, ...signature },
  ])
  return writeSavedModel({
    graph: { ...builder.build(), functions },
    signatures: Object.fromEntries(whole),
  })
}

/** Numbers between -0.5 and 0.5, the same every time. */
function weights(count: number, seed: number) {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return state / 0x7fff_ffff - 0.5
  }
  return Array.from({ length: count }, next)
}

/** Constants by short names. */
export function addInts(builder: GraphBuilder, ints: Record<string, number[] | number>): void {
  for (const [name, value] of Object.entries(ints)) {
    const values = Int32Array.from([value].flat())
    const shape = typeof value === 'number' ? [] : [values.length]
    builder.constant(name, { dtype: 'DT_INT32', shape, values })
  }
}

function addLongs(builder: GraphBuilder, ints: Record<string, number[] | number>): void {
  for (const [name, value] of Object.entries(ints)) {
    const values = BigInt64Array.from([value].flat().map(BigInt))
    const shape = typeof value === 'number' ? [] : [values.length]
    builder.constant(name, { dtype: 'DT_INT64', shape, values })
  }
}

function addHead(builder: GraphBuilder, features: string, width: number): void {
  const matrix = (name: string, rows: number, columns: number, seed: number) =>
    builder.constant(name, floatTensor(weights(rows * columns, seed), [rows, columns]))
  matrix('w1', width, HIDDEN, 1)
  builder.constant('b1', floatTensor(weights(HIDDEN, 2)))
  matrix('w2', HIDDEN, LABELS.length, 3)
  builder.constant('b2', floatTensor(weights(LABELS.length, 4)))
  builder.constant('labels', stringTensor(LABELS))
  const T = { T: FLOAT }
  builder.add('MatMul', 'hidden', [features, 'w1'], T)
  builder.add('BiasAdd', 'hidden/biased', ['hidden', 'b1'], T)
  builder.add('Relu', 'relu', ['hidden/biased'], T)
  builder.add('MatMul', 'logits', ['relu', 'w2'], T)
  builder.add('BiasAdd', 'logits/biased', ['logits', 'b2'], T)
  builder.add('Softmax', 'scores', ['logits/biased'], T)
  builder.add('ArgMax', 'best', ['scores', 'one'], { T: FLOAT, Tidx: INT32, output_type: INT64 })
  builder.add('GatherV2', 'label', ['labels', 'best', 'zero'], {
    Tparams: STRING,
    Tindices: INT64,
    Taxis: INT32,
  })
}

const headOutputs = {
  scores: info('scores:0', 'DT_FLOAT', [-1, LABELS.length]),
  label: info('label:0', 'DT_STRING'),
}

/** Raw texts in; words and pairs, hashed and counted, in the graph (SAVEDMODEL.md). */
export function textModel(): Uint8Array {
  const builder = new GraphBuilder()
  addInts(builder, { zero: 0, one: 1, c00: [0, 0], c01: [0, 1], c11: [1, 1], c0: [0], c1: [1] })
  addLongs(builder, { zeros: [0], zero64: 0, one64: 1, width: BUCKETS })
  builder.add('Placeholder', 'text', [], { dtype: STRING, shape: attr.shape([-1]) })
  builder.add('StringLower', 'lower', ['text'], { encoding: attr.string('utf-8') })
  builder.add('StaticRegexReplace', 'clean', ['lower'], {
    pattern: attr.string(String.raw`[^\pL\pN]+`),
    rewrite: attr.string(' '),
  })
  builder.constant('blank', stringTensor([''], []))
  builder.add('StringSplitV2', 'split', ['clean', 'blank'])
  const slice = { T: INT64, Index: INT32 }
  builder.add('StridedSlice', 'word_row', ['split', 'c00', 'c01', 'c11'], {
    ...slice,
    begin_mask: attr.int(1),
    end_mask: attr.int(1),
    shrink_axis_mask: attr.int(2),
  })
  builder.add('StridedSlice', 'batch', ['split:2', 'c0', 'c1', 'c1'], {
    ...slice,
    shrink_axis_mask: attr.int(1),
  })
  builder.add('OnesLike', 'word_one', ['word_row'], { T: INT64 })
  builder.add('UnsortedSegmentSum', 'words_in_row', ['word_one', 'word_row', 'batch'], {
    T: INT64,
    Tindices: INT64,
    Tnumsegments: INT64,
  })
  builder.add('Cumsum', 'row_end', ['words_in_row', 'zero'], { T: INT64, Tidx: INT32 })
  builder.add('ConcatV2', 'row_splits', ['zeros', 'row_end', 'zero'], { N: attr.int(2), T: INT64 })
  builder.add('StringNGrams', 'grams', ['split:1', 'row_splits'], {
    separator: attr.string(' '),
    ngram_widths: attr.ints([1, 2]),
    left_pad: attr.string(''),
    right_pad: attr.string(''),
    pad_width: attr.int(0),
    preserve_short_sequences: attr.bool(false),
    Tsplits: INT64,
  })
  builder.add('StringToHashBucketFast', 'bucket', ['grams'], { num_buckets: attr.int(BUCKETS) })
  addCounts(builder)
  addHead(builder, 'features', BUCKETS)
  return modelBytes(builder, {
    serving_default: { inputs: { text: info('text:0', 'DT_STRING') }, outputs: headOutputs },
  })
}

/** From the buckets of all n-grams to one row of counts for each text, of length 1. */
function addCounts(builder: GraphBuilder): void {
  builder.add('Size', 'gram_count', ['bucket'], { T: INT64, out_type: INT64 })
  builder.add('Range', 'gram_no', ['zero64', 'gram_count', 'one64'], { Tidx: INT64 })
  const expand = { T: INT64, Tdim: INT32 }
  builder.add('ExpandDims', 'splits_2d', ['grams:1', 'zero'], expand)
  builder.add('ExpandDims', 'gram_no_2d', ['gram_no', 'zero'], expand)
  const found = { T: INT64, out_type: INT64 }
  builder.add('UpperBound', 'row_plus_1_2d', ['splits_2d', 'gram_no_2d'], found)
  builder.add('Squeeze', 'row_plus_1', ['row_plus_1_2d'], {
    T: INT64,
    squeeze_dims: attr.ints([0]),
  })
  builder.add('Sub', 'gram_row', ['row_plus_1', 'one64'], { T: INT64 })
  const pair = { N: attr.int(2), T: INT64 }
  builder.add('Pack', 'cell', ['gram_row', 'bucket'], { ...pair, axis: attr.int(1) })
  builder.add('OnesLike', 'gram_one_int', ['bucket'], { T: INT64 })
  builder.add('Cast', 'gram_one', ['gram_one_int'], { SrcT: INT64, DstT: FLOAT })
  builder.add('Pack', 'counts_shape', ['batch', 'width'], pair)
  builder.add('ScatterNd', 'counts', ['cell', 'gram_one', 'counts_shape'], {
    T: FLOAT,
    Tindices: INT64,
  })
  builder.add('Square', 'squares', ['counts'], { T: FLOAT })
  builder.add('Sum', 'norm2', ['squares', 'one'], { T: FLOAT, keep_dims: attr.bool(true) })
  builder.constant('epsilon', floatTensor([1e-12], []))
  builder.add('Maximum', 'norm2_safe', ['norm2', 'epsilon'], { T: FLOAT })
  builder.add('Rsqrt', 'scale', ['norm2_safe'], { T: FLOAT })
  builder.add('Mul', 'features', ['counts', 'scale'], { T: FLOAT })
}

/** Raw columns in: a number, an hour as an angle, a whole number, a truth value and a word. */
export function tabularModel(): Uint8Array {
  const builder = new GraphBuilder()
  const column = attr.shape([-1, 1])
  addInts(builder, { zero: 0, one: 1, last: -1 })
  builder.add('Placeholder', 'distance', [], { dtype: FLOAT, shape: column })
  builder.add('Placeholder', 'hour', [], { dtype: FLOAT, shape: column })
  builder.add('Placeholder', 'count', [], { dtype: INT64, shape: column })
  builder.add('Placeholder', 'weekend', [], { dtype: BOOL, shape: column })
  builder.add('Placeholder', 'airport', [], { dtype: STRING, shape: column })
  builder.constant('mean', floatTensor([700], []))
  builder.constant('deviation', floatTensor([400], []))
  builder.constant('angle', floatTensor([Math.PI / 12], []))
  builder.constant('airports', stringTensor(['LAX', 'ORD', 'ZÜR'], [1, 3]))
  const T = { T: FLOAT }
  builder.add('IsFinite', 'has_distance', ['distance'], T)
  builder.add('SelectV2', 'known', ['has_distance', 'distance', 'mean'], T)
  builder.add('Sub', 'centred', ['known', 'mean'], T)
  builder.add('RealDiv', 'scaled', ['centred', 'deviation'], T)
  builder.add('Mul', 'turned', ['hour', 'angle'], T)
  builder.add('Sin', 'sin', ['turned'], T)
  builder.add('Cos', 'cos', ['turned'], T)
  builder.add('Cast', 'count_float', ['count'], { SrcT: INT64, DstT: FLOAT })
  builder.add('Log1p', 'log', ['count_float'], T)
  builder.add('Cast', 'weekend_float', ['weekend'], { SrcT: BOOL, DstT: FLOAT })
  builder.add('Equal', 'is_airport', ['airport', 'airports'], { T: STRING })
  builder.add('Cast', 'airport_float', ['is_airport'], { SrcT: BOOL, DstT: FLOAT })
  const parts = ['scaled', 'sin', 'cos', 'log', 'weekend_float', 'airport_float']
  builder.add('ConcatV2', 'features', [...parts, 'last'], { N: attr.int(parts.length), T: FLOAT })
  addHead(builder, 'features', 8)
  const inputs = {
    distance: info('distance:0', 'DT_FLOAT', [-1, 1]),
    hour: info('hour:0', 'DT_FLOAT', [-1, 1]),
    count: info('count:0', 'DT_INT64', [-1, 1]),
    weekend: info('weekend:0', 'DT_BOOL', [-1, 1]),
    airport: info('airport:0', 'DT_STRING', [-1, 1]),
  }
  return modelBytes(builder, { serving_default: { inputs, outputs: headOutputs } })
}

/** Dense layers of these widths, with a relu between them and a softmax at the end. */
export function denseModel(widths: readonly number[], seed = 1): Uint8Array {
  const builder = new GraphBuilder()
  const T = { T: FLOAT }
  const [first = 1, ...outputs] = widths
  let last = builder.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([-1, first]) })
  for (const [index, width] of outputs.entries()) {
    const inputs = widths[index] ?? 1
    const matrix = floatTensor(weights(inputs * width, seed + index), [inputs, width])
    const product = builder.add(
      'MatMul',
      `product${index}`,
      [last, builder.constant(`w${index}`, matrix)],
      T,
    )
    const bias = builder.constant(`b${index}`, floatTensor(weights(width, seed + index + 100)))
    const layer = builder.add('BiasAdd', `layer${index}`, [product, bias], T)
    const isLast = index === outputs.length - 1
    last = builder.add(isLast ? 'Softmax' : 'Relu', `active${index}`, [layer], T)
  }
  const inputs = { x: info('x:0', 'DT_FLOAT', [-1, first]) }
  const scores = info(`${last}:0`, 'DT_FLOAT', [-1, outputs.at(-1) ?? 1])
  return modelBytes(builder, { serving_default: { inputs, outputs: { scores } } })
}

/** Takes seconds for one number: products of large matrices. */
export function slowModel(width = 3000): Uint8Array {
  const builder = new GraphBuilder()
  addInts(builder, { size: [width, width], axes: [0, 1] })
  builder.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([]) })
  builder.add('Fill', 'product0', ['size', 'x'], { T: FLOAT, index_type: INT32 })
  for (let index = 0; index < 40; index++)
    builder.add('MatMul', `product${index + 1}`, [`product${index}`, 'product0'], { T: FLOAT })
  builder.add('Sum', 'sum', ['product40', 'axes'], { T: FLOAT, Tidx: INT32 })
  return modelBytes(builder, {
    serving_default: {
      inputs: { x: info('x:0', 'DT_FLOAT', []) },
      outputs: { sum: info('sum:0', 'DT_FLOAT', []) },
    },
  })
}

/** Only TensorFlow runs it: the operation has no translation. */
export function foreignModel(): Uint8Array {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([-1]) })
  builder.add('Lgamma', 'y', ['x'], { T: FLOAT })
  return modelBytes(builder, {
    serving_default: {
      inputs: { x: info('x:0', 'DT_FLOAT') },
      outputs: { y: info('y:0', 'DT_FLOAT') },
    },
  })
}
