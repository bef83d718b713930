/** Codes of the characters that JSON is made of. */
export const Char = {
  QUOTE: 0x22,
  PLUS: 0x2b,
  COMMA: 0x2c,
  MINUS: 0x2d,
  DOT: 0x2e,
  ZERO: 0x30,
  NINE: 0x39,
  COLON: 0x3a,
  UPPER_E: 0x45,
  UPPER_I: 0x49,
  UPPER_N: 0x4e,
  OPEN_LIST: 0x5b,
  BACKSLASH: 0x5c,
  CLOSE_LIST: 0x5d,
  E: 0x65,
  F: 0x66,
  I: 0x69,
  N: 0x6e,
  T: 0x74,
  U: 0x75,
  OPEN_OBJECT: 0x7b,
  CLOSE_OBJECT: 0x7d,
} as const

/** Whether a byte is white space to JSON. */
export const isBlank = (code: number | undefined): boolean =>
  code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
