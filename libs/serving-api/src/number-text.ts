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
  return (
    plainText(value, SHORT_DIGITS) ??
    plainText(value, FLOAT_DIGITS) ??
    exactText(value, FLOAT_DIGITS, Math.fround)
  )
}

/** The text of a DT_DOUBLE. */
export function doubleText(value: number): string {
  return Number.isFinite(value)
    ? exactText(value, DOUBLE_DIGITS, (same) => same)
    : notFiniteText(value)
}

const notFiniteText = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'

/** With so many digits, if that is written without an exponent, reads back and is no near tie. */
function plainText(value: number, digits: number): string | undefined {
  const size = Math.abs(value)
  if (size === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  if (size < PLAIN_LEAST || size >= PLAIN_MOST) return undefined
  const decimals = digits - 1 - exponentOf(size)
  const power = POWERS[decimals] ?? NaN
  const scaled = size * power
  const whole = Math.round(scaled)
  const isTie = Math.abs(scaled - Math.floor(scaled) - 0.5) < TIE_MARGIN
  if (isTie || Math.fround(whole / power) !== size) return undefined
  return `${value < 0 ? '-' : ''}${placePoint(whole, decimals)}`
}

function exponentOf(size: number): number {
  if (size >= 1) return size >= 1e4 ? 4 : size >= 1e3 ? 3 : size >= 100 ? 2 : size >= 10 ? 1 : 0
  return size >= 0.1 ? -1 : size >= 0.01 ? -2 : size >= 1e-3 ? -3 : -4
}

/** `whole / 10 ** decimals` without zeros at the end, but one behind the point. */
function placePoint(whole: number, decimals: number): string {
  let digits = `${whole}`
  if (digits.length <= decimals) digits = digits.padStart(decimals + 1, '0')
  const point = digits.length - decimals
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
