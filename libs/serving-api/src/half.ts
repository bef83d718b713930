// Numbers of sixteen bits, which JavaScript has no array for.

import type { Tensor } from './tensor.ts'

const EXPONENT_BIAS = 15
const EXPONENT_MAX = 31
const FRACTION_BITS = 10

/** The number that these bits are as a DT_HALF (IEEE 754 binary16). */
export function numberOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> FRACTION_BITS) & EXPONENT_MAX
  const fraction = bits & 0x3ff
  if (exponent === EXPONENT_MAX) return fraction === 0 ? sign * Infinity : NaN
  const isSubnormal = exponent === 0
  const whole = isSubnormal ? fraction : fraction + 0x400
  return sign * whole * 2 ** (Math.max(exponent, 1) - EXPONENT_BIAS - FRACTION_BITS)
}

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

/** The number that these bits are as a DT_BFLOAT16: the upper half of a float. */
export function numberOfBfloat16(bits: number): number {
  word[0] = bits << 16
  return float[0] ?? NaN
}

/** The values of a tensor of numbers that are not whole, in whatever width; undefined for others. */
export function floatsOf(tensor: Tensor): Float32Array | Float64Array | undefined {
  const { dtype, values } = tensor
  if (dtype === 'DT_HALF') return Float32Array.from(values, numberOfHalf)
  if (dtype === 'DT_BFLOAT16') return Float32Array.from(values, numberOfBfloat16)
  return values instanceof Float32Array || values instanceof Float64Array ? values : undefined
}
