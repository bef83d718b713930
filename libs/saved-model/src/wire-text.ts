// Texts on the wire. Names of operations, attributes and types come again and again, in every model: these
// are known by their bytes, since to make a text, and to look something up by a new one, costs more than to
// compare it with one that is there.

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Longer texts are seldom the same. */
const KNOWN_BYTES_MAX = 32
/** As many texts are known as this, a power of two: of two with one place the later. */
const PLACES = 2_048
const known = Array.from({ length: PLACES }, () => '')

/** The text in UTF-8 between two places. */
export function textAt(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > KNOWN_BYTES_MAX) return decoder.decode(bytes.subarray(start, end))
  const place = placeOf(bytes, start, end)
  const there = known[place] ?? ''
  if (isText(there, bytes, start, end)) return there
  const text = decoder.decode(bytes.subarray(start, end))
  // Other than ASCII a text has fewer characters than bytes, and is not compared byte by byte.
  if (text.length === end - start) known[place] = text
  return text
}

function placeOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x0100_0193)
  return (hash ^ (hash >>> 15)) & (PLACES - 1)
}

function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let at = 0; at < text.length; at++)
    if (text.charCodeAt(at) !== bytes[start + at]) return false
  return true
}
