// Reads one scalar of a tensor, by TensorFlow Serving's rules of which JSON each element type takes.

import { isJsonDataType, type JsonDataType, type TypeName } from './element-types.ts'
import { Char } from './json-chars.ts'
import type { JsonCursor } from './json-read.ts'

const INT32 = { least: -(2 ** 31), most: 2 ** 31 - 1 }
const UINT32 = { least: 0, most: 2 ** 32 - 1 }
const INT64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n }
const UINT64 = { least: 0n, most: 2n ** 64n - 1n }

/** Digits of base64 that are decoded without native code. */
const SHORT_DIGITS_MAX = 64
const PADDING = 0x3d
const NO_SEXTET = 64
/** What each digit of base64 stands for, by its code. */
const SEXTETS = sextets()

type Reader<T> = (cursor: JsonCursor) => T | undefined

/** Any JSON number. What does not fit is infinite or zero. */
export const readFloating: Reader<number> = (cursor) =>
  startsNumber(cursor) ? cursor.readNumber() : undefined

/** Whole numbers without a point. Also for narrower types, which keep the low bits, as upstream. */
const readInt32: Reader<number> = (cursor) => readInteger(cursor, INT32)
const readUint32: Reader<number> = (cursor) => readInteger(cursor, UINT32)
const readInt64: Reader<bigint> = (cursor) => readLong(cursor, INT64)
const readUint64: Reader<bigint> = (cursor) => readLong(cursor, UINT64)

const readBool: Reader<number> = (cursor) => {
  const type = cursor.typeOf()
  if (type !== 'True' && type !== 'False') return undefined
  cursor.skip()
  return type === 'True' ? 1 : 0
}

const readString: Reader<Uint8Array> = (cursor) =>
  cursor.typeOf() === 'String' ? cursor.readBytes() : readBase64(cursor)

/**
 * What reads a scalar of each type and ends behind it; undefined, with the cursor anywhere, where
 * there is none of the type.
 */
export const SCALAR_READERS = {
  DT_FLOAT: readFloating,
  DT_DOUBLE: readFloating,
  DT_INT32: readInt32,
  DT_INT16: readInt32,
  DT_INT8: readInt32,
  DT_UINT8: readInt32,
  DT_UINT32: readUint32,
  DT_INT64: readInt64,
  DT_UINT64: readUint64,
  DT_BOOL: readBool,
  DT_STRING: readString,
} as const satisfies Record<JsonDataType, Reader<unknown>>

/** Goes behind a scalar of a type; false, and anywhere, if there is none of it. */
export const skipScalar = (cursor: JsonCursor, dtype: TypeName): boolean =>
  isJsonDataType(dtype) && SCALAR_READERS[dtype](cursor) !== undefined

function readInteger(
  cursor: JsonCursor,
  { least, most }: { least: number; most: number },
): number | undefined {
  if (!startsNumber(cursor)) return undefined
  const value = cursor.readNumber()
  return cursor.isInteger && value >= least && value <= most ? value : undefined
}

function readLong(
  cursor: JsonCursor,
  { least, most }: { least: bigint; most: bigint },
): bigint | undefined {
  if (!startsNumber(cursor)) return undefined
  const near = cursor.readNumber()
  if (!cursor.isInteger) return undefined
  const value = BigInt(Number.isSafeInteger(near) ? near : cursor.numberText())
  return value >= least && value <= most ? value : undefined
}

function startsNumber(cursor: JsonCursor): boolean {
  const code = cursor.bytes[cursor.at] ?? 0
  return (
    (code >= Char.ZERO && code <= Char.NINE) || code === Char.MINUS || cursor.typeOf() === 'Number'
  )
}

/** Whether an object is `{"b64": "..."}`. Stays where it is. */
export function isBase64(cursor: JsonCursor): boolean {
  const start = cursor.at
  const isIt = readDigits(cursor) !== undefined
  cursor.at = start
  return isIt
}

/** The bytes of `{"b64": "..."}`; undefined, and anywhere, if it is none or does not decode. */
export function readBase64(cursor: JsonCursor): Uint8Array | undefined {
  const digits = readDigits(cursor)
  return digits && (decodeShort(digits) ?? decodeBase64(digits))
}

/** What stands in `{"b64": "..."}`; undefined, and anywhere, if it is none. */
function readDigits(cursor: JsonCursor): Uint8Array | undefined {
  if (cursor.typeOf() !== 'Object' || !cursor.enter() || cursor.readKey() !== 'b64')
    return undefined
  if (cursor.typeOf() !== 'String') return undefined
  const digits = cursor.readBytes()
  return cursor.next() ? undefined : digits
}

/**
 * Decodes what is short, padded and without anything else in it; undefined for the rest. A request may
 * bring millions of such, and native code costs many times as much for each.
 */
function decodeShort(digits: Uint8Array): Uint8Array | undefined {
  const { length } = digits
  if (length === 0 || length > SHORT_DIGITS_MAX || length % 4 !== 0) return undefined
  const padding = digits[length - 1] !== PADDING ? 0 : digits[length - 2] !== PADDING ? 1 : 2
  const bytes = new Uint8Array((length / 4) * 3 - padding)
  let size = 0
  let group = 0
  for (let at = 0; at < length; at++) {
    const isPadding = at >= length - padding
    const value = isPadding ? 0 : (SEXTETS[digits[at] ?? 0] ?? NO_SEXTET)
    if (value === NO_SEXTET) return undefined
    group = (group << 6) | value
    if (at % 4 !== 3) continue
    // What lies behind the end of the bytes is left out.
    bytes[size++] = group >> 16
    bytes[size++] = group >> 8
    bytes[size++] = group
    group = 0
  }
  return bytes
}

/** White space is skipped; the padding may be missing but not be wrong. */
function decodeBase64(bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  const dense = text.replaceAll(/\s/g, '')
  const [, digits = '', padding = ''] = /^([A-Za-z0-9+/]*)([=.]*)$/.exec(dense) ?? []
  const isPadded = padding === '' || (padding.length <= 2 && dense.length % 4 === 0)
  if (digits.length + padding.length !== dense.length || !isPadded) return undefined
  return digits.length % 4 === 1 ? undefined : new Uint8Array(Buffer.from(digits, 'base64'))
}

function sextets(): Uint8Array {
  const values = new Uint8Array(256).fill(NO_SEXTET)
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (let value = 0; value < digits.length; value++) values[digits.charCodeAt(value)] = value
  return values
}
