// Dense tables, which are stored with all their places: a key stands at the first free one of those that its hash
// leads to. Two keys of no meaning stand where nothing was put, and where something was taken away.

import type { Tensor } from '@drover/serving-api'
import type { NodeDef } from './graph.ts'
import { legacyHash64 } from './legacy-hash.ts'
import type { TableContent } from './mutable-tables.ts'
import { untranslatable } from './node-attrs.ts'
import { isSameShape, isValueType, pick, toTensor, toValue } from './values.ts'

/** TensorFlow begins with 2 ** 17. */
const PLACES_MAX = 2 ** 20
/** So many places are looked at for each key; a good hash needs one or two. */
const LOOKS_PER_KEY = 16

/** The keys that stand where nothing was put, and where something was taken away. */
export interface Marks {
  empty: Tensor
  deleted: Tensor
}

type Key = bigint | string

const toLong = (value: unknown): bigint =>
  typeof value === 'bigint' ? value : BigInt(Number(value))

/** The keys that mean something. Throws UNTRANSLATABLE where TensorFlow would not find each of them. */
export function liveContent(
  handle: NodeDef,
  { keys, values, marks }: Pick<TableContent, 'keys' | 'values'> & { marks: Marks },
): TableContent {
  const all = keysOf(handle, keys)
  const [[empty], [deleted]] = [keysOf(handle, marks.empty), keysOf(handle, marks.deleted)]
  const count = all.length
  const isWhole =
    count > 0 && count <= PLACES_MAX && Number.isInteger(Math.log2(count)) && all.includes(empty)
  if (!isWhole || ![keys, values].every(({ shape }) => isSameShape(shape, [count, 1])))
    throw untranslatable(handle, 'its places are not as TensorFlow stores them')
  const places = Int32Array.from(all.keys()).filter(
    (at) => all[at] !== empty && all[at] !== deleted,
  )
  checkFound(handle, { all, empty, places })
  const live = (tensor: Tensor) => toTensor(pick(toValue(tensor), [places.length], places))
  if (!isValueType(values.dtype)) throw untranslatable(handle, `its values are ${values.dtype}`)
  return { keys: live(keys), values: live(values), refused: pairOf(marks) }
}

function pairOf({ empty, deleted }: Marks): Tensor {
  const shape = [2]
  if (empty.dtype === 'DT_STRING' && deleted.dtype === 'DT_STRING')
    return { dtype: 'DT_STRING', shape, values: [...empty.values, ...deleted.values] }
  const { dtype } = empty
  const both = [empty, deleted].flatMap(({ values }) => Array.from<unknown, bigint>(values, toLong))
  return dtype === 'DT_INT32'
    ? { dtype, shape, values: Int32Array.from(both, Number) }
    : { dtype: 'DT_INT64', shape, values: BigInt64Array.from(both) }
}

function keysOf(handle: NodeDef, tensor: Tensor): (Key | undefined)[] {
  const { dtype, values } = tensor
  if (dtype === 'DT_STRING') return values.map((text) => Buffer.from(text).toString('latin1'))
  if (dtype === 'DT_INT64' || dtype === 'DT_INT32')
    return Array.from<bigint | number, bigint>(values, toLong)
  throw untranslatable(handle, `its keys are ${dtype}`)
}

/** Goes the way to each key that TensorFlow goes, until something is there. */
function checkFound(
  handle: NodeDef,
  {
    all,
    empty,
    places,
  }: { all: readonly (Key | undefined)[]; empty: Key | undefined; places: Int32Array },
): void {
  const mask = all.length - 1
  let looks = LOOKS_PER_KEY * places.length
  for (const place of places) {
    const key = all[place]
    let at = Number(hashOf(key) & BigInt(mask))
    for (let step = 1; at !== place; step++) {
      if (all[at] === empty || all[at] === key || looks-- <= 0)
        throw untranslatable(handle, `its place ${place} is not where its key leads to`)
      at = (at + step) & mask
    }
  }
}

const hashOf = (key: Key = ''): bigint =>
  typeof key === 'bigint' ? BigInt.asUintN(64, key) : legacyHash64(Buffer.from(key, 'latin1'))
