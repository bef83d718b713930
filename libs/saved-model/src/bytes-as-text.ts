// Bytes as text: a byte that is no UTF-8 stands as the lone surrogate U+DC00 + byte, so that none is lost.

const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()
const ESCAPED = /[\uDC80-\uDCFF]/u
const ESCAPED_OR_TEXT = /[\uDC80-\uDCFF]|[^\uDC80-\uDCFF]+/gu

/** The text of bytes; what is no UTF-8 is kept byte by byte. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return decodeBroken(bytes)
  }
}

/** Takes the longest valid characters; every byte that begins none is escaped. */
function decodeBroken(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((size) => isCharacter(bytes.subarray(at, at + size), size))
    text +=
      length === undefined
        ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
        : strict.decode(bytes.subarray(at, at + length))
    at += length ?? 1
  }
  return text
}

function isCharacter(bytes: Uint8Array, size: number): boolean {
  if (bytes.length < size) return false
  try {
    strict.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Whether a text has bytes that are no UTF-8. */
export const isEscaped = (text: string): boolean => ESCAPED.test(text)

/** The bytes of a text: the inverse of `decodeText`. */
export function encodeText(text: string): Uint8Array {
  if (!isEscaped(text)) return encoder.encode(text)
  const parts = Array.from(text.matchAll(ESCAPED_OR_TEXT), ([part]) =>
    ESCAPED.test(part) ? Uint8Array.of(part.charCodeAt(0) - 0xdc00) : encoder.encode(part),
  )
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** Text with what is no UTF-8 replaced by U+FFFD, where TensorFlow does that. */
export function wellFormed(text: string): string {
  return ESCAPED.test(text) ? lenient.decode(encodeText(text)) : text
}
