import { describe, expect, test } from 'vitest'
import { chosen, versionOf, versionsAmong } from './version-names.ts'

describe('a directory is a version where upstream reads its name as a number', () => {
  test.each([
    ['1', 1n],
    ['007', 7n],
    ['+5', 5n],
    ['-3', -3n],
    [' 12\t', 12n],
    ['20170111173521', 20170111173521n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9223372036854775808', undefined],
    ['v1', undefined],
    ['1.0', undefined],
    ['1.tmp', undefined],
    ['5.denied', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['1_000', undefined],
    ['+', undefined],
    ['+ 1', undefined],
    ['', undefined],
    ['١', undefined],
  ])('%j', (name, version) => {
    expect(versionOf(name)).toBe(version)
  })
})

test('of names for one number the last one by its bytes counts', () => {
  expect([...versionsAmong(['001', '1', '01', '+1', '2'])]).toEqual([
    [1n, '1'],
    [2n, '2'],
  ])
})

test('a policy asks for the highest first', () => {
  const found = [1n, 10n, 9n, -1n]

  expect(chosen(found, { kind: 'all' })).toEqual({ versions: [10n, 9n, 1n, -1n], countMax: 4 })
  expect(chosen(found, { kind: 'latest', numVersions: 2 })).toEqual({
    versions: [10n, 9n, 1n, -1n],
    countMax: 2,
  })
  expect(chosen(found, { kind: 'specific', versions: [1n, 9n, 77n] })).toEqual({
    versions: [9n, 1n],
    countMax: 2,
  })
})
