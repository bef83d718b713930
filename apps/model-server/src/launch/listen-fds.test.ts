import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseListenFds, renderListenFds, workersOf } from './listen-fds.ts'

type Kind = 'rest' | 'grpc' | 'unix'

test('descriptors are read by kind', () => {
  const fds = parseListenFds('rest:4,5;grpc:6,7;unix:8,9')

  expect(fds).toEqual({ rest: [4, 5], grpc: [6, 7], unix: [8, 9] })
  expect(workersOf(fds)).toBe(2)
})

test('kinds may be left out and in any order', () => {
  expect(parseListenFds('unix:10;rest:3')).toEqual({ rest: [3], grpc: [], unix: [10] })
})

const faults = [
  '4',
  'rest:',
  'rest:a',
  'rest:4,',
  'rest:4;',
  'http:4',
  'rest:4;rest:5',
  'rest:4,4',
  'rest:4;grpc:4',
  'rest:2',
  'rest:4,5;grpc:6',
  'rest:12345',
]
test.each(faults)('%s is refused', (text) => {
  expect(() => parseListenFds(text)).toThrow(`--listen_fds=${text}: `)
})

test('what is rendered is read back as it was', () => {
  const kinds = fc.uniqueArray(fc.constantFrom<Kind>('rest', 'grpc', 'unix'), { minLength: 1 })
  fc.assert(
    fc.property(kinds, fc.integer({ min: 1, max: 8 }), (present, workers) => {
      let next = 3
      const take = (kind: Kind) =>
        present.includes(kind) ? Array.from({ length: workers }, () => next++) : []
      const fds = { rest: take('rest'), grpc: take('grpc'), unix: take('unix') }

      expect(parseListenFds(renderListenFds(fds))).toEqual(fds)
    }),
  )
})
