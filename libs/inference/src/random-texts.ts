// Operations of graphs by chance on texts.

import { type Attr, attr } from '@drover/saved-model'
import { stringTensor } from '@drover/serving-api'
import { isInteger, isText, isTruth, type Made, whole } from './random-draft.ts'
import { type Drafting, findPair } from './random-floats.ts'
import { int32 } from './sample-tensors.ts'

/** Of each text by itself. */
const ofText =
  (op: string, attrs: Record<string, Attr>, made: Omit<Made, 'shape'>): Drafting =>
  (draft) => {
    const wire = draft.find(isText)
    if (wire !== undefined) draft.add(op, [wire], attrs, [{ ...made, shape: wire.shape }])
  }

const TEXT = { dtype: 'DT_STRING' } as const
const UTF8 = { encoding: attr.string('utf-8') }
const BUCKETS = 5
const hashed = { dtype: 'DT_INT64', ...whole(0, BUCKETS - 1) } as const
const buckets = { num_buckets: attr.int(BUCKETS) }

const regexReplace: Drafting = (draft) => {
  const wire = draft.find(isText)
  if (wire === undefined) return
  const pattern = draft.from(['[a-z]+', String.raw`[^\pL\pN]+`, String.raw`(\w)(\w)`, 'x*', '^.'])
  const attrs = {
    pattern: attr.string(pattern),
    rewrite: attr.string(draft.from([' ', '', String.raw`<\0>`])),
    replace_global: attr.bool(draft.chance(2)),
  }
  draft.add('StaticRegexReplace', [wire], attrs, [{ ...TEXT, shape: wire.shape }])
}

const regexMatch: Drafting = (draft) => {
  const wire = draft.find(isText)
  if (wire === undefined) return
  const attrs = { pattern: attr.string(draft.from(['[a-z ]+', '.*', String.raw`-?\d+`])) }
  draft.add('StaticRegexFullMatch', [wire], attrs, [{ dtype: 'DT_BOOL', shape: wire.shape }])
}

/** TensorFlow joins what is of one shape, or one value. */
const join: Drafting = (draft) => {
  const found = findPair(draft, isText)
  if (found === undefined) return
  const [a, b, shape] = found
  const isOne = a.shape.length === 0 || b.shape.length === 0
  if (!isOne && String(a.shape) !== String(b.shape)) return
  const attrs = { N: attr.int(2), separator: attr.string(draft.from(['', '-'])) }
  draft.add('StringJoin', [a, b], attrs, [{ ...TEXT, shape }])
}

const asString: Drafting = (draft) => {
  const wire = draft.find((each) => isInteger(each) || isTruth(each))
  if (wire === undefined) return
  const attrs = { T: attr.type(wire.dtype) }
  const { shape, low, high } = wire
  draft.add('AsString', [wire], attrs, [
    { ...TEXT, shape, isNumeral: isInteger(wire), ...whole(low, high) },
  ])
}

/** Once in a while of what is no number: then all refuse it. */
const toNumber: Drafting = (draft) => {
  const isLoose = draft.chance(8)
  const wire = draft.find((each) => isText(each) && (isLoose || each.isNumeral === true))
  if (wire === undefined) return
  const dtype = draft.from(['DT_INT64', 'DT_INT32', 'DT_FLOAT'] as const)
  const isNear = wire.isNumeral === true && Math.max(-wire.low, wire.high) < 2 ** 23
  if (dtype !== 'DT_INT64' && !isNear) return
  const span = wire.isNumeral === true ? whole(wire.low, wire.high) : whole(0, 0)
  const attrs = { out_type: attr.type(dtype) }
  draft.add('StringToNumber', [wire], attrs, [{ dtype, shape: wire.shape, ...span }])
}

/** What comes out is as long as the request says: nothing goes on with it but what is taken here. */
const splitToHashes: Drafting = (draft) => {
  const wire = draft.find((each) => isText(each) && each.shape.length === 1)
  if (wire === undefined) return
  const blank = draft.constant(stringTensor([draft.from(['', ' ', 'a'])], []))
  const parts = draft.node('StringSplitV2', [wire, blank], {})
  draft.answer(parts, 'DT_INT64')
  draft.answer(draft.node('StringToHashBucketFast', [`${parts}:1`], buckets), 'DT_INT64')
  const first = [[0], [1], [1]].map((at) => draft.constant(int32(at)))
  const attrs = {
    T: attr.type('DT_INT64'),
    Index: attr.type('DT_INT32'),
    shrink_axis_mask: attr.int(1),
  }
  const count = { dtype: 'DT_INT64', shape: [], ...whole(0, wire.shape[0] ?? 0) } as const
  draft.add('StridedSlice', [`${parts}:2`, ...first], attrs, [count])
}

export const textDraftings: Readonly<Record<string, Drafting>> = {
  AsString: asString,
  StaticRegexFullMatch: regexMatch,
  StaticRegexReplace: regexReplace,
  StringJoin: join,
  StringLength: ofText('StringLength', {}, { dtype: 'DT_INT32', ...whole(0, 500) }),
  StringLength_letters: ofText(
    'StringLength',
    { unit: attr.string('UTF8_CHAR') },
    { dtype: 'DT_INT32', ...whole(0, 500) },
  ),
  StringLower: ofText('StringLower', UTF8, TEXT),
  StringLower_bytes: ofText('StringLower', {}, TEXT),
  StringSplitV2: splitToHashes,
  StringStrip: ofText('StringStrip', {}, TEXT),
  StringToHashBucketFast: ofText('StringToHashBucketFast', buckets, hashed),
  StringToNumber: toNumber,
  StringUpper: ofText('StringUpper', UTF8, TEXT),
  StringUpper_bytes: ofText('StringUpper', {}, TEXT),
}
