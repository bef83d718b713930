import { expect, test } from 'vitest'
import { ALL } from './bundle/index.ts'
import { readSlice } from './restored-slice.ts'

test.each([
  ['3 0,2', [3], [{ start: 0, length: 2 }]],
  ['3 2,1', [3], [{ start: 2, length: 1 }]],
  [
    '10 4 0,3:-',
    [10, 4],
    [
      { start: 0, length: 3 },
      { start: 0, length: ALL },
    ],
  ],
])('%s is a part of a variable', (text, shape, extents) => {
  expect(readSlice(text)).toEqual({ shape, extents })
})

test.each([
  ['3 2,2', 'goes on behind it'],
  ['3 3,1', 'begins behind it'],
  ['3 0,0', 'has nothing'],
  ['3 0,2:-', 'has more dimensions'],
  ['3 4 0,2', 'has fewer dimensions'],
  ['3 0,2,1', 'has three numbers'],
  ['3 -1,2', 'begins before it'],
  ['0x3 0,2', 'is in no decimal numbers'],
  ['3', 'says no part'],
])('%s is none: it %s', (text) => {
  expect(readSlice(text)).toBeUndefined()
})
