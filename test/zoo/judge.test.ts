import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { judge } from './judge.ts'

const half = (...bits: number[]): Tensor => ({
  dtype: 'DT_HALF',
  shape: [bits.length],
  values: Uint16Array.from(bits),
})
const whole = (...values: bigint[]): Tensor => ({
  dtype: 'DT_INT64',
  shape: [values.length],
  values: BigInt64Array.from(values),
})

const isRight = (want: Tensor, got: Tensor): boolean =>
  judge({ y: want }, { y: got }).fault === undefined

test.each([
  ['a float within the tolerance', floatTensor([1, 0]), floatTensor([1, 9e-6]), true],
  ['a float beyond it', floatTensor([1, 0]), floatTensor([1, 2e-5]), false],
  ['a float within that of the largest', floatTensor([100, 0]), floatTensor([100, 9e-4]), true],
  ['no number where none was expected', floatTensor([NaN]), floatTensor([NaN]), true],
  ['a number where none was expected', floatTensor([NaN]), floatTensor([0]), false],
  ['no number where one was expected', floatTensor([0]), floatTensor([NaN]), false],
  ['the same infinity', floatTensor([Infinity]), floatTensor([Infinity]), true],
  ['the other infinity', floatTensor([Infinity]), floatTensor([-Infinity]), false],
  ['another sign of zero', floatTensor([0]), floatTensor([-0]), true],
  ['another shape', floatTensor([1], [1]), floatTensor([1], [1, 1]), false],
  ['another type', floatTensor([1]), whole(1n), false],
  ['a half next to the expected one', half(0x3800), half(0x3801), true],
  ['a half further away', half(0x3800), half(0x3804), false],
  ['the same whole number', whole(2n ** 53n + 1n), whole(2n ** 53n + 1n), true],
  ['a whole number that is nearly right', whole(2n ** 53n + 1n), whole(2n ** 53n), false],
  ['the same text', stringTensor(['größe']), stringTensor(['größe']), true],
  ['another text', stringTensor(['a', 'b']), stringTensor(['a', 'B']), false],
  ['nothing where nothing was expected', floatTensor([]), floatTensor([]), true],
])('%s is judged: %#', (_, want, got, expected) => {
  expect(isRight(want, got)).toBe(expected)
})

test('an output that is missing or not expected is a fault', () => {
  expect(judge({ y: whole(1n) }, {}).fault).toBe('the output y is missing')
  expect(judge({}, { y: whole(1n) }).fault).toBe('the output y was not expected')
})
