// Numbers of 64 bits to JavaScript's and back, by halves: each BigInt that is made takes longer than all the rest.

/** Whole numbers as int64. */
export function longsOf(values: ArrayLike<number>): BigInt64Array {
  const found = new BigInt64Array(values.length)
  const halves = new Int32Array(found.buffer)
  for (let index = 0; index < found.length; index++) {
    const value = values[index] ?? 0
    halves[2 * index] = value
    halves[2 * index + 1] = Math.floor(value / 2 ** 32)
  }
  return found
}

/** The same numbers; those past 2^53 lose what a double cannot hold. */
export function numbersOf({ buffer, byteOffset, length }: BigInt64Array): number[] {
  const found: number[] = []
  const halves = new Int32Array(buffer, byteOffset, 2 * length)
  for (let low = 0; low < halves.length; low += 2)
    found.push((halves[low + 1] ?? 0) * 2 ** 32 + ((halves[low] ?? 0) >>> 0))
  return found
}
