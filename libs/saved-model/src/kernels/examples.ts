// Parses serialized tf.train.Examples, as what estimators export does.

import { intOf, textsOf, untranslatable } from '../node-attrs.ts'
import type { NodeDef } from '../graph.ts'
import { asTexts, integers, invalid, reshaped, type Value } from '../values.ts'
import {
  byName,
  denseIn,
  type DenseForm,
  type Form,
  formsOf,
  shapeText,
  splitsTypeOf,
  typeName,
  type Wanted,
  wantedOf,
} from './example-features.ts'
import { entriesIn, type FeatureType, type Listed, readFeature, typeIn } from './example-reader.ts'
import {
  even,
  filledUp,
  joined,
  lengthOf,
  placesOf,
  type Rows,
  splitsOfRows,
} from './example-rows.ts'
import type { Kernel } from './kernel.ts'

/** What a request says: the examples, what they are called, and whether it is one that stands by itself. */
export interface Batch {
  texts: readonly string[]
  names: readonly string[]
  isSingle: boolean
}

/** How TensorFlow begins what it says of a feature of an example. */
const placeOf = (batch: Batch, key: string, example: number): string =>
  batch.isSingle
    ? `Key: ${key}.  `
    : `Name: ${nameOfExample(batch, example)}, Key: ${key}, Index: ${example}.  `

/** What an example is called. */
export const nameOfExample = ({ names }: Batch, example: number): string =>
  names[example] ?? '<unknown>'

/** The values of every wanted feature, by example. */
function parse(batch: Batch, wanted: readonly Wanted[]): Rows[] {
  const known = byName(wanted)
  const rows = wanted.map(() => Array<Value | undefined>(batch.texts.length).fill(undefined))
  for (const [example, text] of batch.texts.entries()) {
    const place = ({ name }: Wanted) => placeOf(batch, name, example)
    const entries = entriesIn(text, [known], (feature, bytes) => {
      if (bytes.length > 0 && typeIn(bytes) === undefined)
        throw invalid(`${place(feature)}Unsupported datatype.`)
      // One that is empty is as good as none, or takes the place of others.
      return bytes.length > 0 || !(batch.isSingle || feature.form.is === 'dense')
    })
    if (entries === undefined) throw invalid(`Could not parse example input, Index: ${example}`)
    for (const [feature, bytes] of entries) {
      const listed = readFeature(bytes)
      const row = rows[feature.at]
      if (row !== undefined && listed !== undefined)
        row[example] = checked(listed, feature.form, () => place(feature))
    }
    checkMissing(batch, wanted, { rows, example })
  }
  return rows
}

/** The values, where they are what is wanted. */
function checked({ type, values }: Listed, form: Form, place: () => string): Value {
  if (type !== form.type) throw invalid(place() + mismatch(form, type))
  if (values === undefined) throw invalid(place() + UNREADABLE)
  const fault = faultOf(form, values)
  if (fault !== undefined) throw invalid(place() + fault)
  return values
}

const UNREADABLE = "Can't parse serialized Example."

function mismatch(form: Form, type: FeatureType): string {
  const [is, wanted] = [typeName(type), typeName(form.type)]
  return form.is === 'dense' && !form.isVariable
    ? `Data types don't match. Data type: ${is} but expected type: ${wanted}`
    : `Data types don't match. Expected type: ${wanted}, Actual type: ${is}`
}

const LISTS = { DT_STRING: 'bytes', DT_FLOAT: 'float', DT_INT64: 'int64' } as const

function faultOf(form: Form, values: Value): string | undefined {
  if (form.is !== 'dense') return undefined
  const { isVariable, stride, shape, type } = form
  const count = lengthOf(values)
  if (isVariable ? count % stride === 0 : count === stride) return undefined
  return isVariable
    ? `Number of ${LISTS[type]} values is not a multiple of stride length. ` +
        `Saw ${count} values but output shape is: ${shapeText(shape)}`
    : `Number of ${LISTS[type]} values != expected.  ` +
        `Values size: ${count} but output shape: ${shapeText(shape)}`
}

function checkMissing(
  batch: Batch,
  wanted: readonly Wanted[],
  { rows, example }: { rows: readonly Rows[]; example: number },
): void {
  const missing = wanted.find(
    ({ form, at, fallback }) =>
      form.is === 'dense' &&
      !form.isVariable &&
      rows[at]?.[example] === undefined &&
      lengthOf(fallback) === 0,
  )
  if (missing === undefined) return
  const who = batch.isSingle ? '' : `Name: ${nameOfExample(batch, example)}, `
  throw invalid(
    `${who}Feature: ${missing.name} (data type: ${typeName(missing.form.type)}) is required but could not be found.`,
  )
}

const allValues = (found: Rows, { form: { type } }: Wanted): Value => joined(found, type)

/** All outputs: of sparse features the indices, then the values, then the shapes, and so on. */
function outputsOf(batch: Batch, wanted: readonly Wanted[]): Value[] {
  const rows = parse(batch, wanted)
  const { isSingle } = batch
  const each = <T>(is: Form['is'], make: (found: Rows, feature: Wanted) => T): T[] =>
    wanted.flatMap((feature) =>
      feature.form.is === is ? [make(rows[feature.at] ?? [], feature)] : [],
    )
  const places = each('sparse', (found) => placesOf(found, isSingle))
  return [
    ...places.map(({ indices }) => indices),
    ...each('sparse', allValues),
    ...places.map(({ shape }) => shape),
    ...each('dense', (found, feature) => denseOf(found, feature, isSingle)),
    ...each('ragged', allValues),
    ...each('ragged', (found, { form }) => {
      const type = splitsTypeOf(form)
      return isSingle ? integers(type, [0], []) : splitsOfRows(found, type)
    }),
  ]
}

function denseOf(rows: Rows, { form, fallback }: Wanted, isSingle: boolean): Value {
  const made = tensorOf(rows, denseIn(form), fallback)
  return isSingle ? reshaped(made, made.shape.slice(1)) : made
}

function tensorOf(rows: Rows, form: DenseForm, fallback: Value | undefined): Value {
  const { type, shape, isVariable } = form
  return isVariable
    ? filledUp(rows, { type, piece: shape.slice(1), fallback })
    : even(rows, { type, shape, fallback })
}

/** The examples of a request. Throws INVALID_INPUT where they are none. */
export function batchOf(serialized: Value | undefined, names: Value | undefined): Batch {
  if (serialized === undefined) throw invalid('the examples are missing')
  const [texts, called] = [asTexts(serialized), names === undefined ? [] : asTexts(names)]
  const rank = serialized.shape.length
  if (rank > 1) throw invalid(`examples have ${rank} dimensions`)
  if (called.length > 0 && called.length !== texts.length)
    throw invalid(`${called.length} names for ${texts.length} examples`)
  return { texts, names: called, isSingle: rank === 0 }
}

const NAMES = { sparse: 'sparse_types', dense: 'Tdense', shapes: 'dense_shapes' } as const

const parseExample: Kernel = (node) => {
  const forms = formsOf(node, NAMES)
  return ([serialized, names, ...more]) => {
    const batch = batchOf(serialized, names)
    if (batch.isSingle) throw invalid('a vector of examples was expected')
    // Each name is a tensor of its own.
    const keys = more.slice(0, forms.length).flatMap(asTexts)
    return outputsOf(batch, wantedOf(forms, keys, more.slice(forms.length)))
  }
}

const KEYS = 3
const parseExampleV2: Kernel = (node) => {
  const ragged = { values: 'ragged_value_types', splits: 'ragged_split_types' }
  const forms = formsOf(node, { ...NAMES, ragged })
  checkCount(node, 'num_sparse', forms)
  return ([serialized, names, ...more]) => {
    const keys = more.slice(0, KEYS).flatMap(asTexts)
    return outputsOf(batchOf(serialized, names), wantedOf(forms, keys, more.slice(KEYS)))
  }
}

const parseSingleExample: Kernel = (node) => {
  const forms = formsOf(node, NAMES)
  const keys = [...textsOf(node, 'sparse_keys'), ...textsOf(node, 'dense_keys')]
  checkCount(node, 'num_sparse', forms)
  if (keys.some((key) => key.includes('\uFFFD'))) throw untranslatable(node, 'a name is no UTF-8')
  return ([serialized, ...defaults]) => {
    const batch = batchOf(serialized, undefined)
    if (!batch.isSingle) throw invalid('one example was expected')
    return outputsOf(batch, wantedOf(forms, keys, defaults))
  }
}

function checkCount(node: NodeDef, name: string, forms: readonly Form[]): void {
  const sparse = forms.filter(({ is }) => is === 'sparse').length
  if (intOf(node, name) !== sparse) throw untranslatable(node, `${name} is not ${sparse}`)
}

/** Operations on serialized Examples. */
export const exampleKernels: Readonly<Record<string, Kernel>> = {
  ParseExample: parseExample,
  ParseExampleV2: parseExampleV2,
  ParseSingleExample: parseSingleExample,
}
