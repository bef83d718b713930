import { attr, type Attr, type GraphDef, GraphBuilder, PREDICT_METHOD } from '@drover/saved-model'
import { floatTensor, type SignatureDef, stringTensor } from '@drover/serving-api'
import { addAnswer, FLOAT } from './graph-parts.ts'
import type { TextModel } from './text-model.ts'

const INT32 = attr.type('DT_INT32')
const INT64 = attr.type('DT_INT64')
const STRING = attr.type('DT_STRING')

/** A graph that takes raw text and answers scores and label. */
export function textGraph(model: TextModel): {
  graph: GraphDef
  signatures: Record<string, SignatureDef>
} {
  const parts = new Parts()
  const text = parts.add('Placeholder', 'text', [], { dtype: STRING, shape: attr.shape([-1]) })
  const { words, batch, splits } = addWords(parts, text)
  const { bucket, row } = addBuckets(parts, words, splits, model.buckets)
  const features = addFeatures(parts, { bucket, row, batch, buckets: model.buckets })
  const logits = addNet(parts, features, model)
  const outputs = addAnswer(parts.graph, logits, model.labels)
  const inputs = { text: { name: `${text}:0`, dtype: 'DT_STRING', shape: [-1] } } as const
  const signature = { methodName: PREDICT_METHOD, inputs, outputs }
  return { graph: parts.graph.build(), signatures: { serving_default: signature } }
}

/** A graph under construction, with the constants that several steps need. */
class Parts {
  readonly graph = new GraphBuilder()
  readonly zero = this.int32('zero', [0], [])
  readonly one = this.int32('one', [1], [])
  readonly one64 = this.int64('one_long', [1], [])

  add(op: string, name: string, inputs: string[], attrs: Record<string, Attr>): string {
    return this.graph.add(op, name, inputs, attrs)
  }

  int32(name: string, values: number[], shape: number[] = [values.length]): string {
    return this.graph.constant(name, { dtype: 'DT_INT32', shape, values: Int32Array.from(values) })
  }

  int64(name: string, values: number[], shape: number[] = [values.length]): string {
    const long = BigInt64Array.from(values, BigInt)
    return this.graph.constant(name, { dtype: 'DT_INT64', shape, values: long })
  }
}

/** The words of all texts behind each other, how many texts, and where each text's words begin. */
function addWords(parts: Parts, text: string) {
  const lower = parts.add('StringLower', 'lower', [text], { encoding: attr.string('utf-8') })
  const clean = parts.add('StaticRegexReplace', 'clean', [lower], {
    pattern: attr.string(String.raw`[^\pL\pN]+`),
    rewrite: attr.string(' '),
    replace_global: attr.bool(true),
  })
  const blank = parts.graph.constant('blank', stringTensor([''], []))
  const split = parts.add('StringSplitV2', 'split', [clean, blank], { maxsplit: attr.int(-1) })
  const rowOfWord = addSlice(parts, 'row_of_word', split, {
    begin: [0, 0],
    end: [0, 1],
    strides: [1, 1],
    beginMask: 1,
    endMask: 1,
    shrinkMask: 2,
  })
  const batch = addSlice(parts, 'batch', `${split}:2`, {
    begin: [0],
    end: [1],
    strides: [1],
    beginMask: 0,
    endMask: 0,
    shrinkMask: 1,
  })
  const each = parts.add('OnesLike', 'each_word', [rowOfWord], { T: INT64 })
  const counts = parts.add('UnsortedSegmentSum', 'words_in_row', [each, rowOfWord, batch], {
    T: INT64,
    Tindices: INT64,
    Tnumsegments: INT64,
  })
  const ends = parts.add('Cumsum', 'row_end', [counts, parts.zero], {
    T: INT64,
    Tidx: INT32,
    exclusive: attr.bool(false),
    reverse: attr.bool(false),
  })
  const first = parts.int64('first_split', [0])
  const splits = parts.add('ConcatV2', 'row_splits', [first, ends, parts.zero], {
    N: attr.int(2),
    T: INT64,
    Tidx: INT32,
  })
  return { words: `${split}:1`, batch, splits }
}

interface Slice {
  begin: number[]
  end: number[]
  strides: number[]
  beginMask: number
  endMask: number
  shrinkMask: number
}

function addSlice(parts: Parts, name: string, input: string, slice: Slice): string {
  const bounds = [
    parts.int32(`${name}/begin`, slice.begin),
    parts.int32(`${name}/end`, slice.end),
    parts.int32(`${name}/strides`, slice.strides),
  ]
  return parts.add('StridedSlice', name, [input, ...bounds], {
    T: INT64,
    Index: INT32,
    begin_mask: attr.int(slice.beginMask),
    end_mask: attr.int(slice.endMask),
    shrink_axis_mask: attr.int(slice.shrinkMask),
    ellipsis_mask: attr.int(0),
    new_axis_mask: attr.int(0),
  })
}

/** The bucket of each word and each pair of neighbours, and the text it is from. */
function addBuckets(parts: Parts, words: string, splits: string, buckets: number) {
  const grams = parts.add('StringNGrams', 'grams', [words, splits], {
    separator: attr.string(' '),
    ngram_widths: attr.ints([1, 2]),
    left_pad: attr.string(''),
    right_pad: attr.string(''),
    pad_width: attr.int(0),
    preserve_short_sequences: attr.bool(false),
    Tsplits: INT64,
  })
  const bucket = parts.add('StringToHashBucketFast', 'bucket', [grams], {
    num_buckets: attr.int(buckets),
  })
  const count = parts.add('Size', 'gram_count', [bucket], { T: INT64, out_type: INT64 })
  const none = parts.int64('zero_long', [0], [])
  const number = parts.add('Range', 'gram_number', [none, count, parts.one64], { Tidx: INT64 })
  const as2d = { T: INT64, Tdim: INT32 }
  const splits2d = parts.add('ExpandDims', 'splits_2d', [`${grams}:1`, parts.zero], as2d)
  const number2d = parts.add('ExpandDims', 'gram_number_2d', [number, parts.zero], as2d)
  const bound = { T: INT64, out_type: INT64 }
  const above2d = parts.add('UpperBound', 'row_above_2d', [splits2d, number2d], bound)
  const squeeze = { T: INT64, squeeze_dims: attr.ints([0]) }
  const above = parts.add('Squeeze', 'row_above', [above2d], squeeze)
  const row = parts.add('Sub', 'row_of_gram', [above, parts.one64], { T: INT64 })
  return { bucket, row }
}

interface Grams {
  bucket: string
  row: string
  batch: string
  buckets: number
}

/** How often each bucket is hit, as vectors of length 1: [texts, buckets]. */
function addFeatures(parts: Parts, { bucket, row, batch, buckets }: Grams): string {
  const pack = (axis: number) => ({ N: attr.int(2), T: INT64, axis: attr.int(axis) })
  const cell = parts.add('Pack', 'cell', [row, bucket], pack(1))
  const each = parts.add('OnesLike', 'each_gram', [bucket], { T: INT64 })
  const once = parts.add('Cast', 'once', [each], {
    SrcT: INT64,
    DstT: FLOAT,
    Truncate: attr.bool(false),
  })
  const width = parts.int64('width', [buckets], [])
  const shape = parts.add('Pack', 'counts_shape', [batch, width], pack(0))
  const counts = parts.add('ScatterNd', 'counts', [cell, once, shape], {
    T: FLOAT,
    Tindices: INT64,
  })
  const squares = parts.add('Square', 'squares', [counts], { T: FLOAT })
  const sum = parts.add('Sum', 'square_sum', [squares, parts.one], {
    T: FLOAT,
    Tidx: INT32,
    keep_dims: attr.bool(true),
  })
  const least = parts.graph.constant('least', floatTensor([1e-12], []))
  const positive = parts.add('Maximum', 'positive', [sum, least], { T: FLOAT })
  const scale = parts.add('Rsqrt', 'scale', [positive], { T: FLOAT })
  return parts.add('Mul', 'features', [counts, scale], { T: FLOAT })
}

function addNet(parts: Parts, features: string, model: TextModel): string {
  const layer = (
    name: string,
    input: string,
    weights: Float32Array,
    bias: Float32Array,
  ): string => {
    const shape = [weights.length / bias.length, bias.length]
    const matrix = parts.graph.constant(`${name}/weights`, floatTensor(weights, shape))
    const product = parts.add('MatMul', `${name}/product`, [input, matrix], {
      T: FLOAT,
      transpose_a: attr.bool(false),
      transpose_b: attr.bool(false),
    })
    const offset = parts.graph.constant(`${name}/bias`, floatTensor(bias))
    return parts.add('BiasAdd', name, [product, offset], {
      T: FLOAT,
      data_format: attr.string('NHWC'),
    })
  }
  const inner = layer('hidden', features, model.hiddenWeights, model.hiddenBias)
  const active = parts.add('Relu', 'active', [inner], { T: FLOAT })
  return layer('logits', active, model.outWeights, model.outBias)
}
