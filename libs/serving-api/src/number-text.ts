// Decimal numbers as TensorFlow Serving writes them: printf's %g with six digits, or with as many
// as it takes to read the same number back; a whole one ends in `.0`.

const POWERS = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)
/** Between these no exponent is written and the arithmetic below is safe. */
const PLAIN_LEAST = 1e-4
const PLAIN_MOST = 1e5
const SHORT_DIGITS = 6
const FLOAT_DIGITS = 9
const DOUBLE_DIGITS = 17
/** As many more digits show whether a number lies exactly between two texts. */
const TIE_DIGITS = 20
/** What is this close to the middle between two texts is left to exact arithmetic. */
const TIE_MARGIN = 1e-4

/** The text of a DT_FLOAT. The value must be one of a Float32Array. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return notFiniteText(value)
  if (!isPlain(Math.abs(value))) return exactText(value, FLOAT_DIGITS, Math.fround)
  return `${value < 0 ? '-' : ''}${placePoint(`${foundWhole}`, foundDecimals)}`
}

/** The text of a DT_DOUBLE. */
export function doubleText(value: number): string {
  return Number.isFinite(value)
    ? exactText(value, DOUBLE_DIGITS, (same) => same)
    : notFiniteText(value)
}

const notFiniteText = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'

/** What `fitsPlain` found: the number is `foundWhole / 10 ** foundDecimals`. */
let foundWhole = 0
let foundDecimals = 0

/** Whether a size is written without an exponent in so many digits, reads back and is no near tie. */
function fitsPlain(size: number, digits: number): boolean {
  foundDecimals = digits - 1 - exponentOf(size)
  const power = POWERS[foundDecimals] ?? NaN
  const scaled = size * power
  foundWhole = Math.round(scaled)
  const isTie = Math.abs(scaled - Math.floor(scaled) - 0.5) < TIE_MARGIN
  return !isTie && Math.fround(foundWhole / power) === size
}

/** The shortest form that `fitsPlain` finds. */
const isPlain = (size: number): boolean =>
  size >= PLAIN_LEAST &&
  size < PLAIN_MOST &&
  (fitsPlain(size, SHORT_DIGITS) || fitsPlain(size, FLOAT_DIGITS))

/** No text of a float takes more bytes. */
export const FLOAT_BYTES_MAX = 16

/** Writes the text of a DT_FLOAT into bytes; where it ends. The value must be one of a Float32Array. */
export function putFloat(out: Uint8Array, from: number, value: number): number {
  let at = from
  if (!isPlain(Math.abs(value))) {
    const text = floatText(value)
    for (let index = 0; index < text.length; index++) out[at++] = text.charCodeAt(index)
    return at
  }
  if (value < 0) out[at++] = 0x2d
  let rest = foundWhole
  let places = foundDecimals
  // One zero stays behind the point.
  for (; places > 1 && rest % 10 === 0; places--) rest = (rest / 10) | 0
  const end = at + lengthOf((rest / (POWERS[places] ?? 1)) | 0) + 1 + places
  let next = end
  for (; places > 0; places--) {
    out[--next] = 0x30 + (rest % 10)
    rest = (rest / 10) | 0
  }
  out[--next] = 0x2e
  while (next > at) {
    out[--next] = 0x30 + (rest % 10)
    rest = (rest / 10) | 0
  }
  return end
}

/** How many digits a whole number below a million has. */
const lengthOf = (number: number): number =>
  number < 10
    ? 1
    : number < 100
      ? 2
      : number < 1_000
        ? 3
        : number < 10_000
          ? 4
          : number < 1e5
            ? 5
            : 6

function exponentOf(size: number): number {
  if (size >= 1) return size >= 1e4 ? 4 : size >= 1e3 ? 3 : size >= 100 ? 2 : size >= 10 ? 1 : 0
  return size >= 0.1 ? -1 : size >= 0.01 ? -2 : size >= 1e-3 ? -3 : -4
}

/** Digits with a point before the last of them, without zeros at the end but for one behind the point. */
function placePoint(number: string, places: number): string {
  const digits = number.padStart(places + 1, '0')
  const point = digits.length - places
  let end = digits.length
  while (end > point + 1 && digits.charCodeAt(end - 1) === 0x30) end--
  return `${digits.slice(0, point)}.${digits.slice(point, end)}`
}

function exactText(value: number, digitsMost: number, round: (value: number) => number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const short = value.toExponential(SHORT_DIGITS - 1)
  const isSame = round(Number(short)) === value
  return isSame ? general(short, SHORT_DIGITS) : general(halfToEven(value, digitsMost), digitsMost)
}

/** As toExponential, but what lies exactly between two texts goes to the even one, as in C. */
function halfToEven(value: number, digits: number): string {
  const up = value.toExponential(digits - 1)
  const [long = '', power = ''] = value.toExponential(digits + TIE_DIGITS).split('e')
  const cut = long.length - TIE_DIGITS - 1
  const isTie = /^50*$/.test(long.slice(cut))
  return isTie && '02468'.includes(long.charAt(cut - 1)) ? `${long.slice(0, cut)}e${power}` : up
}

/** `d.ddde±x` in the form of %g. */
function general(text: string, precision: number): string {
  const [, sign = '', first = '', more = '', power = ''] =
    /^(-?)(\d)(?:\.(\d+))?e([-+]\d+)$/.exec(text) ?? []
  const exponent = Number(power)
  const digits = (first + more).replace(/0+$/, '')
  return exponent < -4 || exponent >= precision
    ? `${sign}${scientific(digits, exponent)}`
    : `${sign}${fixed(digits, exponent)}`
}

function scientific(digits: string, exponent: number): string {
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits
  const size = `${Math.abs(exponent)}`.padStart(2, '0')
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
}

function fixed(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${whole}.${digits.slice(exponent + 1) || '0'}`
}
