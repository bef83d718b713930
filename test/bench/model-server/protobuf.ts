// Just enough of protobuf's wire format to write requests.

const BYTES_FIELD = 2
const TAG_FACTOR = 8

/** A field of bytes: a text, a message, or packed numbers. */
export function field(number: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([varint(number * TAG_FACTOR + BYTES_FIELD), varint(content.length), content])
}

export const textField = (number: number, text: string): Buffer => field(number, Buffer.from(text))

export const numberField = (number: number, value: number): Buffer =>
  Buffer.concat([varint(number * TAG_FACTOR), varint(value)])

/** A number as bytes of seven bits. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.of(...bytes, rest)
}
