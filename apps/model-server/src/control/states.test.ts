import { expect, test } from 'vitest'
import { move } from './states.ts'

test('a version goes through its life in order', () => {
  expect(move(move(move(move('START', 'LOADING'), 'AVAILABLE'), 'UNLOADING'), 'END')).toBe('END')
})

test.each([
  ['START', 'AVAILABLE'],
  ['LOADING', 'UNLOADING'],
  ['AVAILABLE', 'END'],
  ['END', 'START'],
] as const)('it never goes from %s to %s', (from, to) => {
  expect(() => move(from, to)).toThrow(`a version cannot go from ${from} to ${to}`)
})
