// Tables whose contents are constants: the keys and the values come as tensors of their own.

import { countOf, invalid, type Value } from '../values.ts'
import { type Kernel, withFour } from './kernel.ts'
import { pickedOr } from './ragged.ts'

type Key = string | bigint | number

/**
 * The value of each key that is asked for, or the default. Inputs: keys, values, what is asked for, the
 * default; keys are unique and no floats, whose zeros and NaN a table would tell apart otherwise.
 */
const find: Kernel = () => {
  // Both are constants of the model, so that they are taken in once.
  const known = new WeakMap<Value, ReadonlyMap<Key, number>>()
  return withFour((keys, values, asked, fallback) => {
    if (asked.dtype !== keys.dtype || fallback.dtype !== values.dtype)
      throw invalid(`a table of ${keys.dtype} to ${values.dtype} was asked otherwise`)
    if (countOf(fallback.shape) !== 1) throw invalid('a table has one default')
    const places = known.get(keys) ?? placesOf(keys)
    known.set(keys, places)
    return taken(values, fallback, asked, places)
  })
}

function placesOf({ values }: Value): ReadonlyMap<Key, number> {
  const keys: ArrayLike<Key> = values
  return new Map(Array.from(keys, (key, place) => [key, place]))
}

function taken(
  values: Value,
  fallback: Value,
  { shape, values: asked }: Value,
  places: ReadonlyMap<Key, number>,
): Value {
  const keys: ArrayLike<Key> = asked
  const at = Int32Array.from(Array.from(keys, (key) => places.get(key) ?? -1))
  return pickedOr(values, fallback, { shape, at })
}

/** Operations on tables. */
export const tableKernels: Readonly<Record<string, Kernel>> = {
  LookupTableFindV2: find,
}
