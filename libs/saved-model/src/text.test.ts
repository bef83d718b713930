import { expect, test } from 'vitest'
import { hashBucket, lowerCase, nGrams } from './text.ts'

test.each([
  ['Hello WORLD', 'hello world'],
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
  ['İstanbul', 'i̇stanbul'],
  ['ẞ', 'ß'],
  ['A\0B', 'a'],
  ['\0A', ''],
])('lower case of %j is %j', (text, lower) => {
  expect(lowerCase(text)).toBe(lower)
})

test.each([
  ['', []],
  ['...', []],
  ['One', ['one']],
  ["I can't, pay!", ['i', 'can', 't', 'pay', 'i can', 'can t', 't pay']],
  ['Größe 42\n日本', ['größe', '42', '日本', 'größe 42', '42 日本']],
  ['one\0two', ['one']],
])('the words and pairs of %j are %j', (text, grams) => {
  expect(nGrams(text)).toEqual(grams)
})

test('a text falls into a bucket by the fingerprint of its UTF-8', () => {
  expect(hashBucket('', 2048)).toBe(Number(0x9ae16a3b2f90404fn % 2048n))
  expect(hashBucket('größe', 1)).toBe(0)
})
