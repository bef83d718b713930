import { expect, test } from 'vitest'
import { messagesOf, reasonOf } from './causes.ts'

/** An error of these messages, the first one outermost. */
const chain = (...messages: string[]): Error | undefined =>
  messages.reduceRight<Error | undefined>(
    (cause, message) => new Error(message, { cause }),
    undefined,
  )

test('all that an error says is told, the outermost first', () => {
  expect(messagesOf(chain('it fails', 'no file', 'no file'))).toEqual([
    'it fails',
    'no file',
    'no file',
  ])
  expect(reasonOf(chain('it fails', 'no file', 'ENOENT'))).toBe('it fails: no file: ENOENT')
})

test('what an error repeats of its causes is said once, and what is empty is not', () => {
  expect(reasonOf(chain('it fails: no file', '', 'no file', 'ENOENT'))).toBe(
    'it fails: no file: ENOENT',
  )
})

test('what is no error is said as it is', () => {
  expect(messagesOf('thrown')).toEqual([])
  expect(reasonOf('thrown')).toBe('thrown')
  expect(reasonOf(new Error('fails', { cause: 'thrown' }))).toBe('fails')
})

test('errors that cause each other come to an end, and so does a long line', () => {
  const first = new Error('first')
  first.cause = new Error('second', { cause: first })

  expect(messagesOf(first)).toHaveLength(16)
  expect(reasonOf(first)).toBe('first: second')
  expect(reasonOf(new Error('long'), 2)).toBe('lo')
})
