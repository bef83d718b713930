// Unsigned numbers of 64 bits as two halves, the low one first: BigInts take many times as long. A number
// is told by where it is among others.

/** Numbers, each in two elements, whose signs mean nothing: with integers of 32 bits loops are fastest. */
export type Halves = Int32Array

/** Adds one number to another. */
export function add(to: Halves, at: number, other: number): void {
  const low = to[2 * at] ?? 0
  const sum = (low + (to[2 * other] ?? 0)) | 0
  const carry = sum >>> 0 < low >>> 0 ? 1 : 0
  to[2 * at] = sum
  to[2 * at + 1] = ((to[2 * at + 1] ?? 0) + (to[2 * other + 1] ?? 0) + carry) | 0
}

/** Multiplies one number by another. */
export function multiply(to: Halves, at: number, other: number): void {
  const low = to[2 * at] ?? 0
  const factor = to[2 * other] ?? 0
  const high = Math.imul(to[2 * at + 1] ?? 0, factor) + Math.imul(low, to[2 * other + 1] ?? 0)
  to[2 * at] = Math.imul(low, factor)
  to[2 * at + 1] = (high + upperHalf(low, factor)) | 0
}

/** The upper half of a product of two numbers of 32 bits, by quarters, which do not lose any bit. */
function upperHalf(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16]
  const [outer, inner] = [Math.imul(a0, b1), Math.imul(a1, b0)]
  const middle = (Math.imul(a0, b0) >>> 16) + (outer & 0xffff) + (inner & 0xffff)
  return (Math.imul(a1, b1) + (outer >>> 16) + (inner >>> 16) + (middle >>> 16)) | 0
}

/** Mixes one number into another by exclusive or. */
export function mixIn(to: Halves, at: number, other: number): void {
  to[2 * at] = (to[2 * at] ?? 0) ^ (to[2 * other] ?? 0)
  to[2 * at + 1] = (to[2 * at + 1] ?? 0) ^ (to[2 * other + 1] ?? 0)
}

/** To the left, by more than 0 and less than 32 bits. */
export function rotateLeft(to: Halves, at: number, by: number): void {
  const [low, high] = [to[2 * at] ?? 0, to[2 * at + 1] ?? 0]
  to[2 * at] = (low << by) | (high >>> (32 - by))
  to[2 * at + 1] = (high << by) | (low >>> (32 - by))
}

/** A rotation by 32 bits. */
export function swapHalves(to: Halves, at: number): void {
  const low = to[2 * at] ?? 0
  to[2 * at] = to[2 * at + 1] ?? 0
  to[2 * at + 1] = low
}

/** What is left of the first number after division by a whole number above zero that is no greater than `DIVISOR_MAX`. */
export const remainder = (number: Halves, by: number): number =>
  ((((number[1] ?? 0) >>> 0) % by) * (2 ** 32 % by) + ((number[0] ?? 0) >>> 0)) % by

/** So that all of `remainder` stays within the 53 bits of a double. */
export const DIVISOR_MAX = 2 ** 26

/** The only number, or the first of several. */
export const whole = ([low = 0, high = 0]: Halves): bigint =>
  (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
