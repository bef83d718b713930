// Tables whose contents are constants: the keys and the values come as tensors of their own.

import { countOf, invalid, type Value } from '../values.ts'
import { type Kernel, withFour } from './kernel.ts'
import { pickedOr } from './ragged.ts'

type Key = string | bigint | number

/**
 * The value of each key that is asked for, or the default. Inputs: keys, values, what is asked for, the
 * default, and of a dense table the keys that stand for none; keys are unique and no floats, whose zeros and
 * NaN a table would tell apart otherwise.
 */
const find: Kernel = () => {
  // All but what is asked for are constants of the model, so that they are taken in once.
  const known = new WeakMap<Value, ReadonlyMap<Key, number>>()
  const placesIn = (keys: Value) => {
    const places = known.get(keys) ?? placesOf(keys)
    known.set(keys, places)
    return places
  }
  const look = withFour((keys, values, asked, fallback) => {
    if (asked.dtype !== keys.dtype || fallback.dtype !== values.dtype)
      throw invalid(`a table of ${keys.dtype} to ${values.dtype} was asked otherwise`)
    if (countOf(fallback.shape) !== 1) throw invalid('a table has one default')
    return taken(values, fallback, asked, placesIn(keys))
  })
  return (inputs) => {
    const [asked, , refused] = inputs.slice(2)
    if (asked !== undefined && refused !== undefined) checkDense(asked, placesIn(refused))
    return look(inputs.slice(0, 4))
  }
}

/** A dense table takes a column of keys at the most, and none that stands at its free places. */
function checkDense({ shape, values }: Value, refused: ReadonlyMap<Key, number>): void {
  const keys: ArrayLike<Key> = values
  if (keys.length !== (shape[0] ?? 1))
    throw invalid(`[${shape.join(',')}] has more than one key in a row`)
  for (let at = 0; at < keys.length; at++)
    if (refused.has(keys[at] ?? '')) throw invalid(`the key ${keys[at]} stands for none`)
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
