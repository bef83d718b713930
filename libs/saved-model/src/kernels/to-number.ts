// Texts as numbers, in the forms that TensorFlow takes.

import type { NodeDef } from '../graph.ts'
import { typeOf, untranslatable } from '../node-attrs.ts'
import { asTexts, integers, ints, invalid, numbers, type Value } from '../values.ts'
import { type Cost, elementsOf, textsNs } from './cost-parts.ts'
import { type Kernel, withOne } from './kernel.ts'
import { FLOAT_MAX } from './reductions.ts'

const AROUND = String.raw`[ \t\n\v\f\r]*`
const INTEGER = new RegExp(`^${AROUND}([+-]?[0-9]+)${AROUND}$`)
const DECIMAL = new RegExp(
  `^${AROUND}([+-]?)((?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?)${AROUND}$`,
)
const HEXADECIMAL = new RegExp(`^${AROUND}([+-]?)(0[xX][0-9A-Fa-f]+)${AROUND}$`)
const NOT_FINITE = new RegExp(
  `^${AROUND}([+-]?)(?:(inf(?:inity)?)|nan(?:\\([A-Za-z0-9_]*\\))?)${AROUND}$`,
  'i',
)
/** What a longer text says is either no number, or one that takes its time. */
const CHARACTERS_MAX = 2_000

const refused = (text: string) =>
  invalid(`StringToNumberOp could not correctly convert string: ${text.slice(0, 100)}`)

function integerOf(text: string, bits: number): bigint {
  const [, digits] = (text.length <= CHARACTERS_MAX && INTEGER.exec(text)) || []
  if (digits === undefined) throw refused(text)
  const value = BigInt(digits.replace(/^\+/, ''))
  if (BigInt.asIntN(bits, value) !== value) throw refused(text)
  return value
}

/** The nearest number of 64 bits, or of 32. */
function fractionOf(text: string, round: (unsigned: string) => number): number {
  if (text.length > CHARACTERS_MAX) throw refused(text)
  const [, sign, unsigned] = DECIMAL.exec(text) ?? HEXADECIMAL.exec(text) ?? []
  if (unsigned !== undefined) return sign === '-' ? -round(unsigned) : round(unsigned)
  const other = NOT_FINITE.exec(text)
  if (other === null) throw refused(text)
  return other[2] === undefined ? NaN : other[1] === '-' ? -Infinity : Infinity
}

/** Half a step above the largest number of 32 bits; from there on all is infinite. */
const FLOAT_END = 2 ** 128
const floats = new Float32Array(1)
const floatBits = new Int32Array(floats.buffer)

/** The next number of 32 bits of those that are not negative. */
function neighbour(value: number, step: 1 | -1): number {
  if (value === Infinity) return step > 0 ? Infinity : FLOAT_MAX
  floats[0] = value
  floatBits[0] = (floatBits[0] ?? 0) + step
  const next = floats[0]
  return next === Infinity ? FLOAT_END : next
}

/**
 * Rounded once. By way of 64 bits it would be rounded twice, which matters where these are just between two
 * numbers of 32: then the text itself says on which side of the middle it is.
 */
function floatFrom(unsigned: string): number {
  const double = Number(unsigned)
  const float = Math.fround(double)
  if (float === double || !Number.isFinite(double)) return float
  const other = neighbour(float, double > float ? 1 : -1)
  const near = float === Infinity ? FLOAT_END : float
  if (near / 2 + other / 2 !== double) return float
  const side = comparison(unsigned, double)
  if (side === 0) return float
  const chosen = side > 0 ? Math.max(near, other) : Math.min(near, other)
  return chosen === FLOAT_END ? Infinity : chosen
}

/** Above zero where the text says more than the number, below it where it says less. */
function comparison(unsigned: string, double: number): number {
  const said = /^0[xX]/.test(unsigned) ? ratio(BigInt(unsigned), 0, 10n) : decimalRatio(unsigned)
  const meant = binaryRatio(double)
  const difference = said.above * meant.below - meant.above * said.below
  return difference > 0n ? 1 : difference < 0n ? -1 : 0
}

interface Ratio {
  above: bigint
  below: bigint
}

const ratio = (value: bigint, power: number, base: bigint): Ratio =>
  power < 0
    ? { above: value, below: base ** BigInt(-power) }
    : { above: value * base ** BigInt(power), below: 1n }

function decimalRatio(unsigned: string): Ratio {
  const [mantissa = '', power = '0'] = unsigned.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return ratio(BigInt(whole + fraction), Number(power) - fraction.length, 10n)
}

/** Numbers between two of 32 bits have few bits, so that doubling makes them whole soon. */
function binaryRatio(double: number): Ratio {
  let [value, power] = [double, 0]
  for (; !Number.isInteger(value); power--) value *= 2
  return ratio(BigInt(value), power, 2n)
}

const stringToNumber: Kernel = (node) => {
  const type = typeOf(node, 'out_type', 'DT_FLOAT')
  if (type === 'DT_STRING' || type === 'DT_BOOL') throw untranslatable(node, `it reads ${type}`)
  return withOne((input) => read(asTexts(input), input.shape, type))
}

function read(
  found: readonly string[],
  shape: readonly number[],
  type: 'DT_FLOAT' | 'DT_DOUBLE' | 'DT_INT32' | 'DT_INT64',
): Value {
  switch (type) {
    case 'DT_FLOAT':
      return numbers(
        type,
        shape,
        found.map((text) => fractionOf(text, floatFrom)),
      )
    case 'DT_DOUBLE':
      return numbers(
        type,
        shape,
        found.map((text) => fractionOf(text, Number)),
      )
    case 'DT_INT32':
      return integers(
        type,
        shape,
        found.map((text) => Number(integerOf(text, 32))),
      )
    case 'DT_INT64':
      return ints(
        shape,
        found.map((text) => integerOf(text, 64)),
      )
  }
}

/** Operations that read numbers. */
export const toNumberKernels: Readonly<Record<string, Kernel>> = { StringToNumber: stringToNumber }

const NUMBER_NS = 1_000

/** What they cost. */
export const toNumberCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  StringToNumber: () => (inputs) => elementsOf(inputs) * NUMBER_NS + textsNs(inputs),
}
