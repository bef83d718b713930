import { expect, test } from 'vitest'
import { isHeavy } from './heavy.ts'

const KIB = 1024
const bodyOf = (bytes: number, unit: string): Buffer =>
  Buffer.from('{"instances":['.padEnd(bytes, unit))

test.each([
  ['predict', 32, '1e5,', false],
  ['predict', 33, '1e5,', true],
  ['predict', 33, '1E5,', true],
  ['predict', 33, '"a",', true],
  ['predict', 33, '[1.25,-3],', false],
  ['predict', 128, '[1.25,-3],', false],
  ['predict', 129, '[1.25,-3],', true],
  ['classify', 32, '{"x":1},', false],
  ['classify', 33, '1,', true],
  ['regress', 33, '1,', true],
] as const)('%s with %i KiB of %s is heavy: %s', (method, kib, unit, isIt) => {
  expect(isHeavy(method, bodyOf(kib * KIB, unit))).toBe(isIt)
})

test('a number at the very end may be what makes it heavy', () => {
  const body = bodyOf(33 * KIB, '1,')
  body.write('e', body.length - 1)

  expect(isHeavy('predict', body)).toBe(true)
})
