import { describe, expect, test } from 'vitest'
import { ConnectionError, ErrorCode } from './frames.ts'
import { HeaderReader } from './header-reader.ts'
import { encodeHeaders } from './header-writer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function read(reader: HeaderReader, block: Buffer): unknown {
  const result = reader.read(block)
  return 'headers' in result ? Object.fromEntries(result.headers) : result
}

const PSEUDO = {
  ':method': 'GET',
  ':scheme': 'http',
  ':path': '/',
  ':authority': 'www.example.com',
}

describe('HeaderReader', () => {
  test.each([
    // Requests of one connection each, from RFC 7541, appendices C.3 and C.4.
    [
      'as it is',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'coded',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('reads blocks that build on each other, texts %s', (_, first, second, third) => {
    const reader = new HeaderReader(1_000)

    expect(read(reader, hex(first))).toEqual(PSEUDO)
    expect(read(reader, hex(second))).toEqual({ ...PSEUDO, 'cache-control': 'no-cache' })
    expect(read(reader, hex(third))).toEqual({
      ...PSEUDO,
      ':scheme': 'https',
      ':path': '/index.html',
      'custom-key': 'custom-value',
    })
  })

  test('reads the same bytes anew when what they refer to has changed', () => {
    const reader = new HeaderReader(1_000)
    const newest = hex('be')
    const keep = (name: string): Buffer =>
      Buffer.concat([hex('40 01'), Buffer.from(name), hex('00')])
    reader.read(keep('a'))

    expect(read(reader, newest)).toEqual({ a: '' })
    expect(read(reader, newest)).toEqual({ a: '' })
    reader.read(keep('b'))
    expect(read(reader, newest)).toEqual({ b: '' })
  })

  test('forgets what the client has it forget, and the oldest of too many', () => {
    const reader = new HeaderReader(100_000)
    const long = Buffer.concat([hex('40 01 61 7f a1 0f'), Buffer.alloc(2_080, 'v')])
    reader.read(long)
    reader.read(long)

    expect(read(reader, hex('be'))).toEqual({ a: 'v'.repeat(2_080) })
    expect(() => reader.read(hex('bf'))).toThrow(ConnectionError)
    reader.read(hex('20'))
    expect(() => reader.read(hex('be'))).toThrow(ConnectionError)
  })

  test('gives the first of headers with one name, and texts of any length', () => {
    const reader = new HeaderReader(100_000)
    const long = { 'x-long': 'v'.repeat(20_000) }

    expect(read(reader, encodeHeaders(undefined, long))).toEqual(long)
    expect(read(reader, hex('00 01 61 01 31 00 01 61 01 32'))).toEqual({ a: '1' })
  })

  test.each([
    ['a number that does not exist', 'ff 80 01'],
    ['no number', '80'],
    ['a number without an end', 'ff ff ff ff ff ff ff ff'],
    ['a text that is cut off', '00 05 61'],
    ['a header that is cut off', '00'],
    ['a table that is too large', '3f e2 1f'],
    ['a table that changes in the middle', '82 20'],
  ])('ends a connection for %s', (_, block) => {
    expect(() => new HeaderReader(1_000).read(hex(block))).toThrow(
      expect.objectContaining({ code: ErrorCode.COMPRESSION_ERROR }),
    )
  })

  test.each([
    ['a name in capitals', '00 01 41 00'],
    ['no name', '00 00 00'],
    ['a zero in a text', '00 01 61 01 00'],
    ['a line break in a text', '00 01 61 03 61 0d 0a'],
    ['a pseudo-header behind others', '00 01 61 00 82'],
    ['a pseudo-header twice', '82 82'],
    ['a pseudo-header of answers', '88'],
    ['a header of a connection', encodeHeaders(undefined, { connection: 'close' }).toString('hex')],
  ])('refuses a request for %s', (_, block) => {
    expect(new HeaderReader(1_000).read(hex(block))).toEqual({ fault: ErrorCode.PROTOCOL_ERROR })
  })

  test('refuses a request whose short block says too much, and goes on', () => {
    const reader = new HeaderReader(8_000)
    const value = 'v'.repeat(2_000)
    const kept = Buffer.concat([hex('40 01 61 7f d1 0e'), Buffer.from(value)])

    expect(read(reader, kept)).toEqual({ a: value })
    expect(reader.read(Buffer.alloc(50_000, 0xbe))).toEqual({ fault: ErrorCode.ENHANCE_YOUR_CALM })
    expect(read(reader, hex('be'))).toEqual({ a: value })
  })
})
