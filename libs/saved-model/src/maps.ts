// The maps of protobuf, which are lists of pairs, and what must not be there twice.

import { SavedModelError } from './errors.ts'
import { MapEntry, type Message, readerOf, WireField } from './wire.ts'

/** Protobuf would join the two, and we would see one of them. */
export const twice = (what: string): SavedModelError =>
  new SavedModelError('NOT_A_SAVED_MODEL', `${what} is written twice`)

/** Pairs as an object. Of a key that is there twice nobody can say which value is meant. */
export function recordOf<T>(
  pairs: readonly (readonly [string, T])[],
  what: (key: string) => string,
): Record<string, T> {
  const record: Record<string, T> = {}
  for (const [key, value] of pairs) {
    if (Object.hasOwn(record, key)) throw twice(what(key))
    if (key === INHERITED) Object.defineProperty(record, key, { ...OWN, value })
    else record[key] = value
  }
  return record
}

/** What is assigned to this name an object inherits from. */
const INHERITED = '__proto__'
const OWN = { configurable: true, enumerable: true, writable: true }

const NO_VALUE = new WireField(new Uint8Array())

/** A pair of a protobuf map. */
export function readEntry(message: Message): [string, WireField] {
  let [key, value]: [string | undefined, WireField | undefined] = [undefined, undefined]
  const field = readerOf(message)
  while (field.next()) {
    if (field.number === MapEntry.key) {
      if (key !== undefined) throw twice('the key of a map')
      key = field.text
    }
    if (field.number === MapEntry.value) {
      if (value !== undefined) throw twice('the value of a map')
      value = field.message()
    }
  }
  return [key ?? '', value ?? NO_VALUE]
}
