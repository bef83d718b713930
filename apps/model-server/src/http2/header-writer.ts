// Headers of answers as HPACK writes them. Nothing of it builds on what was said before: a block may
// be written once and sent on every connection.

const STATUS_OK = 0x88
/** `:status`, with a value of its own. */
const STATUS = 0x08
const NAMED = 0x00
const LENGTH_MOST = 0x7f

/** A block. Names are lower case, values have an octet a character. */
export function encodeHeaders(
  status: number | undefined,
  headers: Readonly<Record<string, string>>,
): Buffer {
  const parts: Buffer[] = []
  if (status === 200) parts.push(Buffer.of(STATUS_OK))
  else if (status !== undefined) parts.push(Buffer.of(STATUS), ...textOf(`${status}`))
  for (const [name, value] of Object.entries(headers))
    parts.push(Buffer.of(NAMED), ...textOf(name), ...textOf(value))
  return Buffer.concat(parts)
}

const textOf = (text: string): [Buffer, Buffer] => [
  lengthOf(text.length),
  Buffer.from(text, 'latin1'),
]

function lengthOf(length: number): Buffer {
  if (length < LENGTH_MOST) return Buffer.of(length)
  const bytes = [LENGTH_MOST]
  let rest = length - LENGTH_MOST
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.of(...bytes, rest)
}
