import { hash } from 'node:crypto'

/**
 * The one JSON text of a value: keys sorted by code unit, no white space, undefined fields left
 * out. The same content has the same digest on every machine and after any crash. Throws a
 * TypeError on what JSON cannot carry.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) return canonicalObject(value)
  const isCarried = value === null || typeof value === 'boolean' || Number.isFinite(value)
  if (!isCarried) throw new TypeError(`JSON cannot carry a ${typeof value}`)
  return JSON.stringify(value)
}

function canonicalObject(value: object): string {
  // A Date or a Map has no fields of its own: each would look like any other.
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`JSON cannot carry a ${value.constructor.name}`)
  }
  let text = ''
  // In the order of code units, which is the one that `toSorted` has by itself.
  for (const key of Object.keys(value).toSorted()) {
    const field: unknown = Reflect.get(value, key)
    if (field === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(field)}`
  }
  return `{${text}}`
}

/** The sha256 of bytes or of a text in UTF-8, in hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content)
}

/** The digest by which a value is named. */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value))
}
