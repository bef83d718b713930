// Bytes as text: a byte that is no UTF-8 stands as the lone surrogate U+DC00 + byte, so that none is lost.

const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()
const ESCAPED = /[\uDC80-\uDCFF]/u

/** The text of bytes; what is no UTF-8 is kept byte by byte. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return decodeBroken(bytes)
  }
}

/** The same in one pass: whole characters are taken, and every byte that begins none is escaped. */
export function decodeBroken(bytes: Uint8Array): string {
  const parts: string[] = []
  let [whole, at] = [0, 0]
  while (at < bytes.length) {
    const length = characterLength(bytes, at)
    if (length === 0) {
      if (whole < at) parts.push(strict.decode(bytes.subarray(whole, at)))
      parts.push(String.fromCharCode(0xdc00 + (bytes[at] ?? 0)))
      whole = at + 1
    }
    at += length || 1
  }
  return parts.join('') + strict.decode(bytes.subarray(whole))
}

/**
 * First bytes of characters, by the ranges of UTF-8: up to the last one of a range, so many bytes follow,
 * and the first of these is in the bounds.
 */
const LEADS: readonly [last: number, more: number, low: number, high: number][] = [
  [0xc1, -1, 0x80, 0xbf],
  [0xdf, 1, 0x80, 0xbf],
  [0xe0, 2, 0xa0, 0xbf],
  [0xec, 2, 0x80, 0xbf],
  [0xed, 2, 0x80, 0x9f],
  [0xef, 2, 0x80, 0xbf],
  [0xf0, 3, 0x90, 0xbf],
  [0xf3, 3, 0x80, 0xbf],
  [0xf4, 3, 0x80, 0x8f],
]

/** How many bytes the character takes that begins here; 0 where none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0
  // The most frequent by far.
  if (lead < 0x80) return 1
  const found = LEADS.find(([last]) => lead <= last)
  if (found === undefined) return 0
  const [, more, low, high] = found
  for (let next = 1; next <= more; next++) {
    const byte = bytes[at + next] ?? 0
    if (next === 1 ? byte < low || byte > high : byte < 0x80 || byte > 0xbf) return 0
  }
  return more + 1
}

/** Whether a text has bytes that are no UTF-8. */
export const isEscaped = (text: string): boolean => ESCAPED.test(text)

/** None of UTF-16 takes more. */
const BYTES_PER_UNIT_MAX = 3

/** The bytes of a text: the inverse of `decodeText`. */
export function encodeText(text: string): Uint8Array {
  if (!isEscaped(text)) return encoder.encode(text)
  const bytes = new Uint8Array(BYTES_PER_UNIT_MAX * text.length)
  let at = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.codePointAt(index) ?? 0
    // The second half of a pair never stands by itself.
    if (code > 0xffff) index++
    const isByte = (code & 0xff80) === 0xdc80 && code <= 0xffff
    at = isByte ? writeByte(bytes, at, code - 0xdc00) : writeCharacter(bytes, at, code)
  }
  return bytes.slice(0, at)
}

function writeByte(bytes: Uint8Array, at: number, byte: number): number {
  bytes[at] = byte
  return at + 1
}

/** Writes a character in UTF-8 and gives where it ends. */
function writeCharacter(bytes: Uint8Array, at: number, code: number): number {
  if (code < 0x80) return writeByte(bytes, at, code)
  const more = code < 0x800 ? 1 : code < 0x1_0000 ? 2 : 3
  writeByte(bytes, at, (0xf80 >> more) | (code >> (6 * more)))
  for (let left = more - 1, to = at + 1; left >= 0; left--, to++)
    writeByte(bytes, to, 0x80 | ((code >> (6 * left)) & 0x3f))
  return at + more + 1
}

/** Where texts are encoded that nobody needs afterwards. */
const scratch = new Uint8Array(1_024)

/** The bytes of a text, good until the next one's are asked for. */
export function bytesOf(text: string): Uint8Array {
  if (BYTES_PER_UNIT_MAX * text.length > scratch.length || isEscaped(text)) return encodeText(text)
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written)
}

/** Writes a text that is short and ASCII, as most words are, and gives how long it is; else -1. */
export function writeAscii(text: string, to: Uint8Array): number {
  const { length } = text
  if (length > to.length) return -1
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at)
    if (code > 0x7f) return -1
    to[at] = code
  }
  return length
}

/** A text with a character for each of its bytes, for what goes by bytes and not by characters. */
export const bytewise = (text: string): string => latin1(encodeText(text))

/** The same of bytes. */
export const latin1 = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString('latin1')

/** Text that was put together: bytes that were no UTF-8 on their own may be a character now. */
export const normalText = (text: string): string =>
  ESCAPED.test(text) ? decodeText(encodeText(text)) : text

/** Text with what is no UTF-8 replaced by U+FFFD, where TensorFlow does that. */
export function wellFormed(text: string): string {
  return ESCAPED.test(text) ? lenient.decode(encodeText(text)) : text
}
