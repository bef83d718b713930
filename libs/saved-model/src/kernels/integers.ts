// Division, remainders, powers and bits of integers; of floats where these have the same name.

import { invalid, ints, type Value } from '../values.ts'
import { type Kernel, withOne } from './kernel.ts'
import { arithmetic } from './numbers.ts'

function noFloats(): never {
  throw invalid('integers were expected')
}

function checked<T extends number | bigint>(divisor: T): T {
  if (Number(divisor) === 0) throw invalid('Integer division by zero')
  return divisor
}

/** Rounds down, where JavaScript's takes the sign of the dividend. */
function floorMod(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

function floorModLong(a: bigint, b: bigint): bigint {
  const rest = a % checked(b)
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest
}

const remainder = arithmetic({
  ofNumbers: (a, b) => a % b,
  ofInts: (a, b) => a % checked(b),
  ofLongs: (a, b) => a % checked(b),
})

/**
 * C's rules for what is 1 whatever the other is. TensorFlow takes a square root where the exponent is a
 * constant, and a power where it is not: they differ in one number.
 */
function pow(a: number, b: number): number {
  if (a === -Infinity && Math.abs(b) === 0.5) throw invalid('-Infinity has no root')
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b
}

/** By squares, of which bits over the type's are lost. */
function powLong(a: bigint, b: bigint): bigint {
  if (b < 0n) throw invalid('Integers to negative integer powers are not allowed')
  let [found, square] = [1n, a]
  for (let left = b; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) found = BigInt.asIntN(64, found * square)
    square = BigInt.asIntN(64, square * square)
  }
  return found
}

const floorDivBy = (quotient: (a: number, b: number) => number): Kernel =>
  arithmetic({
    ofNumbers: (a, b) => Math.floor(quotient(a, b)),
    ofInts: (a, b) => Math.floor(a / checked(b)),
    ofLongs: (a, b) => (a - floorModLong(a, b)) / b,
  })

/** A quotient that is nearly whole may be so once it is rounded to what a float holds. */
const floorDiv: Kernel = (node) => {
  const ofFloats = floorDivBy((a, b) => Math.fround(a / b))(node)
  const ofOthers = floorDivBy((a, b) => a / b)(node)
  return (inputs) => (inputs[0]?.dtype === 'DT_FLOAT' ? ofFloats : ofOthers)(inputs)
}

const bitwise = (
  ofInts: (a: number, b: number) => number,
  ofLongs: (a: bigint, b: bigint) => bigint,
): Kernel => arithmetic({ ofNumbers: noFloats, ofInts, ofLongs })

const MOST = { int: 31, long: 63n }
const within = (shift: number): number => Math.min(Math.max(shift, 0), MOST.int)
const withinLong = (shift: bigint): bigint =>
  shift < 0n ? 0n : shift > MOST.long ? MOST.long : shift

const invert: Kernel = () =>
  withOne((input): Value => {
    if (input.dtype === 'DT_INT64')
      return ints(
        input.shape,
        input.values.map((value) => ~value),
      )
    if (input.dtype !== 'DT_INT32') return noFloats()
    return { ...input, values: input.values.map((value) => ~value) }
  })

/** Operations on integers, and those of the same name on floats. */
export const integerKernels: Readonly<Record<string, Kernel>> = {
  BitwiseAnd: bitwise(
    (a, b) => a & b,
    (a, b) => a & b,
  ),
  BitwiseOr: bitwise(
    (a, b) => a | b,
    (a, b) => a | b,
  ),
  BitwiseXor: bitwise(
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
  FloorDiv: floorDiv,
  FloorMod: arithmetic({
    ofNumbers: floorMod,
    ofInts: (a, b) => floorMod(a, checked(b)),
    ofLongs: floorModLong,
  }),
  Invert: invert,
  LeftShift: bitwise(
    (a, b) => a << within(b),
    (a, b) => a << withinLong(b),
  ),
  Mod: remainder,
  Pow: arithmetic({
    ofNumbers: pow,
    ofInts: (a, b) => Number(BigInt.asIntN(32, powLong(BigInt(a), BigInt(b)))),
    ofLongs: powLong,
  }),
  RightShift: bitwise(
    (a, b) => a >> within(b),
    (a, b) => a >> withinLong(b),
  ),
  TruncateDiv: arithmetic({
    ofNumbers: noFloats,
    ofInts: (a, b) => Math.trunc(a / checked(b)),
    ofLongs: (a, b) => a / checked(b),
  }),
  TruncateMod: remainder,
}
