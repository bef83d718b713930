// Parses serialized tf.train.SequenceExamples: features of the whole, and lists of features, one a step.

import { sizeOf } from '@drover/serving-api'
import type { NodeDef } from '../graph.ts'
import { untranslatable } from '../node-attrs.ts'
import { asTexts, copyInto, integers, invalid, type Value, zeros } from '../values.ts'
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
import { entriesIn, type FeatureType, featuresIn, readOnly } from './example-reader.ts'
import {
  even,
  joined,
  lengthOf,
  placesOf,
  type Rows,
  splitsOfLengths,
  splitsOfRows,
} from './example-rows.ts'
import { type Batch, batchOf, nameOfExample } from './examples.ts'
import type { Kernel } from './kernel.ts'

/** The steps of each example; undefined where it does not have the list. */
type Steps = readonly (Rows | undefined)[]

/** Of every wanted feature, and of every wanted list, what each example has. */
interface Parsed {
  context: Map<Wanted, Rows>
  lists: Map<Wanted, Steps>
}

function parse(batch: Batch, context: readonly Wanted[], lists: readonly Wanted[]): Parsed {
  const maps = [byName(context), byName(lists)]
  const found = batch.texts.map((text, example) => {
    const entries = entriesIn(text, maps)
    if (entries !== undefined) return entries
    throw invalid(`Invalid protocol message input, example id: ${nameOfExample(batch, example)}`)
  })
  const each = <T>(
    wanted: readonly Wanted[],
    read: (bytes: Uint8Array | undefined, of: Wanted, example: number) => T,
  ) =>
    new Map(
      wanted.map((of) => [of, found.map((entries, example) => read(entries.get(of), of, example))]),
    )
  return {
    context: each(context, (bytes, of, example) => valuesOf(batch, of, { bytes, example })),
    lists: each(lists, (bytes, of, example) => stepsOf(batch, of, { bytes, example })),
  }
}

/** Of one feature in one example. */
interface At {
  bytes: Uint8Array | undefined
  example: number
}

function valuesOf(batch: Batch, wanted: Wanted, { bytes, example }: At): Value | undefined {
  const { form, name, fallback } = wanted
  const { type } = form
  if (bytes === undefined && form.is === 'dense' && lengthOf(fallback) === 0)
    throw invalid(
      `Feature: ${name} (data type: ${typeName(type)}) is required but could not be found.`,
    )
  if (bytes === undefined) return undefined
  const values = valuesIn(bytes, type)
  const who = `Name: ${nameOfExample(batch, example)}, Context feature: ${name}`
  if (values === undefined)
    throw invalid(`${who}.  Data types don't match. Expected type: ${typeName(type)}`)
  const count = lengthOf(values)
  if (form.is === 'dense' && count !== form.stride)
    throw invalid(
      `${who}.  Number of values != expected.  values size: ${count} but output shape: ${shapeText(form.shape)}`,
    )
  return values
}

/** A feature that is empty has no values. */
const valuesIn = (bytes: Uint8Array, type: FeatureType): Value | undefined =>
  bytes.length === 0 ? zeros(type, [0]) : readOnly(bytes, type)

function stepsOf(batch: Batch, wanted: Wanted, { bytes, example }: At): Rows | undefined {
  const { form, name } = wanted
  if (bytes === undefined) return undefined
  const features = featuresIn(bytes)
  if (features === undefined)
    throw invalid(`Error in sequence feature ${name} in example ${nameOfExample(batch, example)}`)
  return features.map((feature, step) => {
    const values = valuesIn(feature, form.type)
    const who = `Name: ${nameOfExample(batch, example)}`
    if (values === undefined)
      throw invalid(
        `${who}, Feature list: ${name}, Index: ${step}.  Data types don't match. Expected type: ${typeName(form.type)}`,
      )
    const count = lengthOf(values)
    if (form.is === 'dense' && count !== form.stride)
      throw invalid(
        `${who}, Key: ${name}, Index: ${step}.  Number of values != expected.  values size: ${count} but output shape: ${shapeText(form.shape)}`,
      )
    return values
  })
}

const isOf =
  (is: Form['is']) =>
  ([{ form }]: readonly [Wanted, unknown]): boolean =>
    form.is === is

function contextOutputs(context: Map<Wanted, Rows>): Value[] {
  const of = (is: Form['is']) => [...context].filter(isOf(is))
  const places = of('sparse').map(([, rows]) => placesOf(rows, false))
  return [
    ...places.map(({ indices }) => indices),
    ...of('sparse').map(([{ form }, rows]) => joined(rows, form.type)),
    ...places.map(({ shape }) => shape),
    ...of('dense').map(([{ form, name, fallback }, rows]) => {
      const { type, shape, stride } = denseIn(form)
      // Without examples there is nothing by which TensorFlow knows that there are as many values.
      if (rows.length === 0 && lengthOf(fallback) !== stride)
        throw invalid(`Inconsistent max number of elements for feature ${name}`)
      return even(rows, { type, shape, fallback })
    }),
    ...of('ragged').map(([{ form }, rows]) => joined(rows, form.type)),
    ...of('ragged').map(([{ form }, rows]) => splitsOfRows(rows, splitsTypeOf(form))),
  ]
}

const countOfSteps = (rows: Rows | undefined): number => rows?.length ?? 0

const flat = (steps: Steps): Rows => steps.flatMap((rows) => rows ?? [])

function listOutputs(
  lists: Map<Wanted, Steps>,
  mayMiss: readonly boolean[],
  batch: Batch,
): Value[] {
  const of = (is: Form['is']) => [...lists].filter(isOf(is))
  for (const [index, [{ name }, steps]] of of('dense').entries()) {
    const missing = steps.indexOf(undefined)
    if (missing >= 0 && mayMiss[index] !== true)
      throw invalid(
        `Name: ${nameOfExample(batch, missing)}, Feature list '${name}' is required but could not be found.  ` +
          'Did you mean to include it in feature_list_dense_missing_assumed_empty or feature_list_dense_defaults?',
      )
  }
  const places = of('sparse').map(([, steps]) => placesOfSteps(steps))
  const all = ([{ form }, steps]: readonly [Wanted, Steps]) => joined(flat(steps), form.type)
  return [
    ...places.map(({ indices }) => indices),
    ...of('sparse').map(all),
    ...places.map(({ shape }) => shape),
    ...of('dense').map(([{ form }, steps]) => filledSteps(steps, denseIn(form))),
    ...of('dense').map(([, steps]) =>
      integers('DT_INT64', [steps.length], steps.map(countOfSteps)),
    ),
    ...of('ragged').map(all),
    ...of('ragged').map(([{ form }, steps]) =>
      splitsOfLengths(steps.map(countOfSteps), splitsTypeOf(form)),
    ),
    ...of('ragged').map(([{ form }, steps]) => splitsOfRows(flat(steps), splitsTypeOf(form))),
  ]
}

/** [example, step, column] of each value, and [examples, most steps, most columns]. */
function placesOfSteps(steps: Steps): { indices: Value; shape: Value } {
  const places: number[] = []
  let [longest, widest] = [0, 0]
  for (const [example, rows = []] of steps.entries()) {
    longest = Math.max(longest, rows.length)
    for (const [step, row] of rows.entries()) {
      widest = Math.max(widest, lengthOf(row))
      for (let column = 0; column < lengthOf(row); column++) places.push(example, step, column)
    }
  }
  return {
    indices: integers('DT_INT64', [places.length / 3, 3], places),
    shape: integers('DT_INT64', [3], [steps.length, longest, widest]),
  }
}

/** As many steps as the longest example has; zeros, or empty texts, for those that are missing. */
function filledSteps(steps: Steps, { type, shape, stride }: DenseForm): Value {
  const longest = steps.reduce((most, rows) => Math.max(most, countOfSteps(rows)), 0)
  const value = zeros(type, [steps.length, longest, ...shape])
  for (const [example, rows = []] of steps.entries())
    for (const [step, row] of rows.entries())
      if (row !== undefined)
        copyInto({ value, at: (example * longest + step) * stride }, { value: row, at: 0 }, stride)
  return value
}

const CONTEXT = {
  sparse: 'context_sparse_types',
  dense: 'Tcontext_dense',
  shapes: 'context_dense_shapes',
  ragged: { values: 'context_ragged_value_types', splits: 'context_ragged_split_types' },
}
const LISTS = {
  sparse: 'feature_list_sparse_types',
  dense: 'feature_list_dense_types',
  shapes: 'feature_list_dense_shapes',
  ragged: { values: 'feature_list_ragged_value_types', splits: 'feature_list_ragged_split_types' },
}

/** Forms whose rows all have as many values, and some at all. */
function fixedForms(node: NodeDef, names: typeof CONTEXT): Form[] {
  const forms = formsOf(node, names)
  if (forms.some((form) => form.is === 'dense' && (form.isVariable || sizeOf(form.shape) === 0)))
    throw untranslatable(node, 'a feature has no number of values')
  return forms
}

const KEYS = 3
const parseSequences: Kernel = (node) => {
  const [context, lists] = [fixedForms(node, CONTEXT), fixedForms(node, LISTS)]
  const dense = lists.filter(({ is }) => is === 'dense').length
  return ([serialized, names, ...more]) => {
    const batch = batchOf(serialized, names)
    if (batch.isSingle) throw invalid('a vector of examples was expected')
    const [mayMiss, ...defaults] = more.slice(2 * KEYS)
    if (mayMiss?.dtype !== 'DT_BOOL' || mayMiss.values.length !== dense)
      throw invalid(`${dense} truth values were expected`)
    const { context: found, lists: steps } = parse(
      batch,
      wantedOf(context, more.slice(0, KEYS).flatMap(asTexts), defaults),
      wantedOf(lists, more.slice(KEYS, 2 * KEYS).flatMap(asTexts), Array(dense).fill(undefined)),
    )
    return [
      ...contextOutputs(found),
      ...listOutputs(
        steps,
        Array.from(mayMiss.values, (each) => each !== 0),
        batch,
      ),
    ]
  }
}

/** Operations on serialized SequenceExamples. */
export const sequenceExampleKernels: Readonly<Record<string, Kernel>> = {
  ParseSequenceExampleV2: parseSequences,
}
