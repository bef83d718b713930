// How a value is shown in an error text: RapidJSON's pretty form, cut off at a limit.

import { JsonCursor } from './json-read.ts'
import { Char } from './json-chars.ts'
import { writeText } from './text.ts'

/** No part is begun beyond so many bytes; the part that crosses the limit is written in full. */
const DUMP_BYTES_MAX = 256
/** Longer strings are cut: upstream shows them in full, however long they are. */
const STRING_CHARACTERS_MAX = 1_024
const INT_LEAST = -(2n ** 63n)
const UINT_MOST = 2n ** 64n - 1n

/** The value at a place as TensorFlow Serving prints it in an error. */
export function dumpJson(bytes: Uint8Array, at: number): string {
  const writer = new DumpWriter()
  dumpValue(new JsonCursor(bytes, at), writer)
  return writer.text
}

class DumpWriter {
  text = ''
  #levels: { isList: boolean; parts: number }[] = []

  /** Adds a part with what goes before it; false beyond the limit. */
  add(part: string): boolean {
    if (Buffer.byteLength(this.text) >= DUMP_BYTES_MAX) return false
    const level = this.#levels.at(-1)
    if (level !== undefined) {
      this.text += this.#before(level)
      level.parts++
    }
    this.text += part
    return true
  }

  #before({ isList, parts }: { isList: boolean; parts: number }): string {
    if (isList) return parts > 0 ? ', ' : ''
    if (parts % 2 === 1) return ': '
    return `${parts > 0 ? ',' : ''}\n${this.#indent()}`
  }

  open(isList: boolean): boolean {
    if (!this.add(isList ? '[' : '{')) return false
    this.#levels.push({ isList, parts: 0 })
    return true
  }

  close(): boolean {
    if (Buffer.byteLength(this.text) >= DUMP_BYTES_MAX) return false
    const level = this.#levels.pop()
    const isOpened = level?.isList === false && level.parts > 0
    this.text += `${isOpened ? `\n${this.#indent()}` : ''}${level?.isList ? ']' : '}'}`
    return true
  }

  #indent(): string {
    return '    '.repeat(this.#levels.length)
  }
}

/** Depth is bounded by the limit: each level writes at least a byte. */
function dumpValue(cursor: JsonCursor, writer: DumpWriter): boolean {
  switch (cursor.typeOf()) {
    case 'Object':
    case 'Array':
      return dumpMembers(cursor, writer)
    case 'String':
      return writer.add(writeText(cursor.readText().slice(0, STRING_CHARACTERS_MAX)))
    case 'Number':
      return dumpNumber(cursor, writer)
    case 'True':
    case 'False':
    case 'Null': {
      const start = cursor.at
      cursor.skip()
      return writer.add(Buffer.from(cursor.bytes.subarray(start, cursor.at)).toString('latin1'))
    }
  }
}

function dumpMembers(cursor: JsonCursor, writer: DumpWriter): boolean {
  const isList = cursor.bytes[cursor.at] === Char.OPEN_LIST
  if (!writer.open(isList)) return false
  if (cursor.enter()) {
    do {
      if (!isList && !writer.add(writeText(cursor.readKey().slice(0, STRING_CHARACTERS_MAX))))
        return false
      if (!dumpValue(cursor, writer)) return false
    } while (cursor.next())
  }
  return writer.close()
}

/** The writer knows no NaN and no infinities: what follows one is left out. */
function dumpNumber(cursor: JsonCursor, writer: DumpWriter): boolean {
  const value = cursor.readNumber()
  if (!Number.isFinite(value)) return writer.add('') && false
  if (cursor.isInteger) {
    const exact = BigInt(cursor.numberText())
    if (exact >= INT_LEAST && exact <= UINT_MOST) return writer.add(`${exact}`)
  }
  return writer.add(doubleText(value))
}

/** RapidJSON's shortest form: as JavaScript's, but whole numbers end in `.0` and no `+` is written. */
function doubleText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : `${value}`
  return /[.e]/.test(text) ? text.replace('e+', 'e') : `${text}.0`
}
