// Operations of graphs by chance on rows of different lengths: texts that are split, counted and put
// together again. Once in a while what belongs to one split is taken for another's.

import { attr } from '@drover/saved-model'
import { stringTensor } from '@drover/serving-api'
import { type Draft, isInteger, isText, type Wire, whole } from './random-draft.ts'
import type { Drafting } from './random-floats.ts'
import { int32, int64 } from './sample-tensors.ts'

const [INT32, INT64] = [attr.type('DT_INT32'), attr.type('DT_INT64')]
const BUCKETS = 4
const slice = { T: INT64, Index: INT32 }
const MANY = whole(0, 100_000)

/** A split of texts, and what may be said of its words. */
class Split {
  readonly words: string
  readonly rows: number
  readonly #draft: Draft
  readonly #name: string

  constructor(draft: Draft, wire: Wire) {
    const blank = draft.constant(stringTensor([draft.from(['', ' ', 'a'])], []))
    this.#draft = draft
    this.#name = draft.node('StringSplitV2', [wire, blank], {})
    this.words = `${this.#name}:1`
    this.rows = wire.shape[0] ?? 0
  }

  get rowOf(): string {
    const bounds = [
      [0, 0],
      [0, 1],
      [1, 1],
    ].map((each) => this.#draft.constant(int32(each)))
    return this.#draft.node('StridedSlice', [this.#name, ...bounds], {
      ...slice,
      begin_mask: attr.int(1),
      end_mask: attr.int(1),
      shrink_axis_mask: attr.int(2),
    })
  }

  get count(): string {
    const bounds = [[0], [1], [1]].map((each) => this.#draft.constant(int32(each)))
    return this.#draft.node('StridedSlice', [`${this.#name}:2`, ...bounds], {
      ...slice,
      shrink_axis_mask: attr.int(1),
    })
  }
}

const isVector = ({ shape }: Wire): boolean => shape.length === 1

/** Two splits, which are one and the same unless chance wants others. */
function splitsFor(draft: Draft): readonly [Split, Split] | undefined {
  const first = draft.find((wire) => isText(wire) && isVector(wire))
  if (first === undefined) return undefined
  const split = new Split(draft, first)
  if (!draft.chance(3)) return [split, split]
  const isFellow = (wire: Wire) => isText(wire) && String(wire.shape) === String(first.shape)
  return [split, new Split(draft, draft.find(isFellow) ?? first)]
}

/** A number for each word. */
function numbersOf(draft: Draft, words: string, rowOf: string): string {
  const num_buckets = attr.int(BUCKETS)
  switch (draft.below(3)) {
    case 0:
      return draft.node('OnesLike', [rowOf], { T: INT64 })
    case 1:
      return draft.node('StringToHashBucketFast', [words], { num_buckets })
    default:
      return draft.node('Cast', [draft.node('StringLength', [words], {})], {
        SrcT: INT32,
        DstT: INT64,
      })
  }
}

const summed = (draft: Draft, inputs: readonly string[], rows: number): Wire | undefined =>
  draft.add('UnsortedSegmentSum', inputs, { T: INT64, Tindices: INT64, Tnumsegments: INT64 }, [
    { dtype: 'DT_INT64', shape: [rows], ...MANY },
  ])[0]

/** Of each row of texts a sum over its words. */
const sums: Drafting = (draft) => {
  const [one, other] = splitsFor(draft) ?? []
  if (one === undefined || other === undefined) return
  const numbers = numbersOf(draft, one.words, one.rowOf)
  const place = draft.chance(2) ? other : one
  if (draft.chance(4)) {
    const both = draft.node('Equal', [one.words, other.words], {
      T: attr.type('DT_STRING'),
      incompatible_shape_error: attr.bool(true),
    })
    const counted = draft.node('Cast', [both], { SrcT: attr.type('DT_BOOL'), DstT: INT64 })
    summed(draft, [counted, place.rowOf, one.count], one.rows)
  } else summed(draft, [numbers, place.rowOf, other.count], one.rows)
}

/** Where each row ends, as its words say it or as a request does. */
function splitsOf(draft: Draft, one: Split): string | undefined {
  const ones = draft.node('OnesLike', [one.rowOf], { T: INT64 })
  const isFit = (wire: Wire) =>
    wire.dtype === 'DT_INT64' && isInteger(wire) && String(wire.shape) === String([one.rows])
  const told = draft.chance(3) ? draft.find((wire) => isFit(wire) && wire.low >= 0) : undefined
  const lengths = told ?? summed(draft, [ones, one.rowOf, one.count], one.rows)
  if (lengths === undefined) return undefined
  const zero = draft.constant(int32([0], []))
  const ends = draft.node('Cumsum', [lengths, zero], { T: INT64, Tidx: INT32 })
  const inputs = [draft.constant(int64([0])), ends, draft.constant(int32([0], []))]
  return draft.node('ConcatV2', inputs, { N: attr.int(2), T: INT64, Tidx: INT32 })
}

/** The row of each word, worked out from where rows end. */
function rowsOf(draft: Draft, splits: string, words: string): string {
  const [zero, start, one] = [int32([0], []), int64([0], []), int64([1], [])].map((each) =>
    draft.constant(each),
  )
  const total = draft.node('Size', [words], { T: attr.type('DT_STRING'), out_type: INT64 })
  const numbers = draft.node('Range', [start ?? '', total, one ?? ''], { Tidx: INT64 })
  const asRow = [splits, numbers].map((each) =>
    draft.node('ExpandDims', [each, zero ?? ''], { T: INT64, Tdim: INT32 }),
  )
  const above = draft.node('UpperBound', asRow, { T: INT64, out_type: INT64 })
  const squeezed = draft.node('Squeeze', [above], { T: INT64, squeeze_dims: attr.ints([0]) })
  return draft.node('Sub', [squeezed, one ?? ''], { T: INT64 })
}

/** Counts of n-grams in buckets, as texts are made features. */
const counts: Drafting = (draft) => {
  const [one, other] = splitsFor(draft) ?? []
  if (one === undefined || other === undefined) return
  const ends = splitsOf(draft, draft.chance(3) ? other : one)
  if (ends === undefined) return
  const isGrams = draft.chance(2)
  const grams = draft.node('StringNGrams', [one.words, ends], {
    separator: attr.string(' '),
    ngram_widths: attr.ints(draft.from<number[]>([[1, 2], [2], [3, 1]])),
    left_pad: attr.string('<'),
    right_pad: attr.string('>'),
    pad_width: attr.int(draft.from([0, -1, 1])),
    preserve_short_sequences: attr.bool(draft.chance(2)),
    Tsplits: INT64,
  })
  const [words, splits] = isGrams ? [grams, `${grams}:1`] : [one.words, ends]
  const row = rowsOf(draft, splits, words)
  const num_buckets = attr.int(BUCKETS)
  const bucket = draft.node('StringToHashBucketFast', [words], { num_buckets })
  const pair = { N: attr.int(2), T: INT64 }
  const cells = draft.node('Pack', [row, bucket], { ...pair, axis: attr.int(1) })
  const ones = draft.node('OnesLike', [bucket], { T: INT64 })
  const width = draft.constant(int64([BUCKETS], []))
  const shape = draft.node('Pack', [other.count, width], { ...pair, axis: attr.int(0) })
  draft.add('ScatterNd', [cells, ones, shape], { T: INT64, Tindices: INT64 }, [
    { dtype: 'DT_INT64', shape: [one.rows, BUCKETS], ...MANY },
  ])
}

/** Rows filled up to the longest: nothing goes on with them, since a request says how long that is. */
const dense: Drafting = (draft) => {
  const [one] = splitsFor(draft) ?? []
  const splits = one && splitsOf(draft, one)
  if (one === undefined || splits === undefined) return
  const filler = draft.constant(stringTensor(['-'], []))
  const width = draft.from([-1, 2, 5])
  const shape = draft.constant(int64([draft.from([-1, one.rows]), width]))
  const attrs = {
    T: attr.type('DT_STRING'),
    Tindex: INT64,
    Tshape: INT64,
    num_row_partition_tensors: attr.int(1),
    row_partition_types: attr.strings(['ROW_SPLITS']),
  }
  const inputs = [shape, one.words, filler, splits]
  draft.answer(draft.node('RaggedTensorToTensor', inputs, attrs), 'DT_STRING')
}

export const pieceDraftings: Readonly<Record<string, Drafting>> = {
  RaggedTensorToTensor: dense,
  StringNGrams: counts,
  StringNGrams_again: counts,
  UnsortedSegmentSum_words: sums,
}
