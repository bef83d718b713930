import { expect, test } from 'vitest'
import { Suspect } from './suspect.ts'

test('an end of its own blames the model at once', () => {
  const suspect = new Suspect()
  suspect.suspect(1)

  expect(suspect.blame(false)).toBe(1)
  expect(suspect.blame(false)).toBeUndefined()
})

test('an end from outside blames the model when it is the second over it', () => {
  const suspect = new Suspect()
  suspect.suspect(1)
  expect(suspect.blame(true)).toBeUndefined()
  suspect.suspect(1)

  expect(suspect.blame(true)).toBe(1)
})

test('a model that was loaded meanwhile is blamed for no end before that', () => {
  const suspect = new Suspect()
  suspect.suspect(1)
  suspect.blame(true)
  suspect.suspect(1)
  suspect.acquit()
  suspect.suspect(1)

  expect(suspect.blame(true)).toBeUndefined()
})

test('an end with no model under way blames nobody, and spares nobody', () => {
  const suspect = new Suspect()
  expect(suspect.blame(true)).toBeUndefined()
  expect(suspect.blame(true)).toBeUndefined()
  suspect.suspect(1)

  expect(suspect.blame(true)).toBeUndefined()
})
