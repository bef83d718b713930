import { ServingError } from '@drover/serving-api'
import { makeLog } from '@drover/service'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeaderReader } from '../http2/header-reader.ts'
import { encodeMessage, failureTrailers } from './status.ts'

const log = makeLog('test')
log.level = 'silent'

describe('encodeMessage', () => {
  test('is what a header can carry, and reads back the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), (text) => {
        const encoded = encodeMessage(text)

        expect(encoded).toMatch(/^(?! )[ -~]*(?<! )$/)
        expect(decodeURIComponent(encoded)).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  test('takes half of a surrogate pair', () => {
    expect(decodeURIComponent(encodeMessage('a\ud800'))).toBe('a\ufffd')
  })
})

describe('failureTrailers', () => {
  const trailersOf = (error: unknown): unknown => {
    const read = new HeaderReader(1_000).read(failureTrailers(error, log))
    return 'headers' in read ? Object.fromEntries(read.headers) : read
  }

  test('are code and message of what a caller did wrong', () => {
    expect(trailersOf(new ServingError('NOT_FOUND', 'no 100%'))).toEqual({
      'grpc-status': '5',
      'grpc-message': 'no 100%25',
    })
  })

  test('say nothing of what is ours', () => {
    expect(trailersOf(new TypeError('x is undefined'))).toEqual({
      'grpc-status': '13',
      'grpc-message': 'Internal error',
    })
  })
})
