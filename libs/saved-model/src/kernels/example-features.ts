// What a node wants of examples: which features, of what type and in what form.

import { sizeOf } from '@drover/serving-api'
import { bytewise } from '../bytes-as-text.ts'
import type { NodeDef } from '../graph.ts'
import { shapesOf, typesOf, untranslatable } from '../node-attrs.ts'
import { invalid, isSameShape, type Value, type ValueType } from '../values.ts'
import type { FeatureType } from './example-reader.ts'

/** A feature whose values are as many as its shape says, or as many pieces of it as there are. */
export interface DenseForm {
  is: 'dense'
  type: FeatureType
  /** One row; -1 before the pieces where there may be any number of them. */
  shape: readonly number[]
  isVariable: boolean
  /** How many values a row, or a piece of it, has. */
  stride: number
}

/** A feature that may have any number of values. */
export type Form =
  | DenseForm
  | { is: 'sparse'; type: FeatureType }
  | { is: 'ragged'; type: FeatureType; splits: ValueType }

/** The attributes that tell forms. */
export interface FormNames {
  sparse: string
  dense: string
  shapes: string
  ragged?: { values: string; splits: string }
}

/** In the order of the outputs; SavedModels may leave out lists that are empty. Throws UNTRANSLATABLE. */
export function formsOf(node: NodeDef, names: FormNames): Form[] {
  const shapes = shapesOf(node, names.shapes, [])
  const dense = featureTypes(node, names.dense)
  if (shapes.length !== dense.length) throw untranslatable(node, 'its shapes are not as many')
  const ragged = names.ragged === undefined ? [] : featureTypes(node, names.ragged.values)
  const splits = names.ragged === undefined ? [] : typesOf(node, names.ragged.splits, [])
  return [
    ...featureTypes(node, names.sparse).map((type) => ({ is: 'sparse' as const, type })),
    ...dense.map((type, at) => denseForm(node, type, shapes[at])),
    ...ragged.map((type, at) => ({
      is: 'ragged' as const,
      type,
      splits: splitsType(node, splits[at]),
    })),
  ]
}

function featureTypes(node: NodeDef, name: string): FeatureType[] {
  return typesOf(node, name, []).map((type) => {
    if (type !== 'DT_STRING' && type !== 'DT_FLOAT' && type !== 'DT_INT64')
      throw untranslatable(node, `features are not ${type}`)
    return type
  })
}

function splitsType(node: NodeDef, type: ValueType | undefined): ValueType {
  if (type !== 'DT_INT32' && type !== 'DT_INT64')
    throw untranslatable(node, `splits are not ${type}`)
  return type
}

function denseForm(
  node: NodeDef,
  type: FeatureType,
  shape: readonly number[] | undefined,
): DenseForm {
  if (shape === undefined || shape.slice(1).some((size) => size < 0))
    throw untranslatable(node, 'the shape of a feature is not known')
  const isVariable = (shape[0] ?? 0) < 0
  const stride = sizeOf(isVariable ? shape.slice(1) : shape)
  if (isVariable && stride === 0) throw untranslatable(node, 'a feature has pieces of nothing')
  return { is: 'dense', type, shape, isVariable, stride }
}

/** What must be a dense form. */
export function denseIn(form: Form): DenseForm {
  if (form.is !== 'dense') throw invalid('a dense feature was expected')
  return form
}

/** The type of the splits of what must be a ragged form. */
export const splitsTypeOf = (form: Form): ValueType =>
  form.is === 'ragged' ? form.splits : 'DT_INT64'

/** A form with the name that a request, or the graph, gives it. */
export interface Wanted {
  form: Form
  /** For people. */
  name: string
  /** Where its values are kept. */
  at: number
  /** What a missing one is, or what fills up rows that are short. */
  fallback: Value | undefined
}

/** Puts names and defaults to forms; defaults are those of dense ones. Throws INVALID_INPUT. */
export function wantedOf(
  forms: readonly Form[],
  names: readonly string[],
  defaults: readonly (Value | undefined)[],
): Wanted[] {
  const dense = forms.filter(({ is }) => is === 'dense').length
  if (names.length !== forms.length || defaults.length !== dense)
    throw invalid(
      `${names.length} names and ${defaults.length} defaults for ${forms.length} features`,
    )
  let next = 0
  return forms.map((form, at) => {
    const name = names[at] ?? ''
    const fallback = form.is === 'dense' ? defaults[next++] : undefined
    if (form.is === 'dense') checkDefault(form, name, fallback)
    return { form, name, at, fallback }
  })
}

function checkDefault(form: DenseForm, name: string, fallback: Value | undefined): void {
  if (fallback === undefined) return
  if (fallback.dtype !== form.type)
    throw invalid(`the default of ${name} is ${fallback.dtype}, not ${form.type}`)
  const count = fallback.values.length
  const fits = form.isVariable
    ? count === 1
    : count === 0 || isSameShape(fallback.shape, form.shape)
  if (!fits)
    throw invalid(
      `the default of ${name} is of shape ${shapeText(fallback.shape)}, not ${shapeText(form.shape)}`,
    )
}

/** As TensorFlow writes shapes. */
export const shapeText = (shape: readonly number[]): string =>
  `[${shape.map((size) => (size < 0 ? '?' : size)).join(',')}]`

/** As TensorFlow writes types. */
export const typeName = (type: FeatureType): string =>
  ({ DT_STRING: 'string', DT_FLOAT: 'float', DT_INT64: 'int64' })[type]

/** By the bytes of their names, as examples have them. Throws INVALID_INPUT where one is wanted twice. */
export function byName<T extends { name: string }>(wanted: readonly T[]): Map<string, T> {
  const found = new Map(wanted.map((each) => [bytewise(each.name), each]))
  if (found.size < wanted.length) throw invalid('a feature is asked for twice')
  return found
}
