import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import {
  ConnectionError,
  type FrameHead,
  FrameType,
  goodbyeFrame,
  headerFrames,
  HEAD_BYTES,
  pingFrame,
  PREFACE,
  putHead,
  resetFrame,
} from './frames.ts'

/** What came, as text; DATA of one frame joined. */
class Told implements FrameSink {
  readonly frames: string[] = []
  #data: Buffer[] = []

  frame({ type, flags, stream }: FrameHead, payload: Buffer): void {
    this.frames.push(`${type} ${flags} ${stream} ${payload.toString('hex')}`)
  }

  dataBegins(stream: number, length: number): void {
    this.#data = []
    this.frames.push(`data ${stream} ${length}`)
  }

  data(stream: number, piece: Buffer, isLast: boolean): void {
    this.#data.push(piece)
    this.frames.splice(-1, 1, `data ${stream} ${Buffer.concat(this.#data).toString()}`)
    if (isLast) this.frames.push(`end ${stream}`)
  }

  padding(stream: number, length: number): void {
    this.frames.push(`padding ${stream} ${length}`, '')
  }
}

/** Reads the bytes as they come in pieces that end where told. */
function readAll(bytes: Buffer, ends: readonly number[]): string[] {
  const told = new Told()
  const reader = new FrameReader(told)
  let rest = Buffer.alloc(0)
  let start = 0
  for (const end of [...ends.toSorted((a, b) => a - b), bytes.length]) {
    const piece = Buffer.concat([rest, bytes.subarray(start, end)])
    start = end
    let at = 0
    for (let next = reader.step(piece, 0); next !== at; next = reader.step(piece, at)) {
      at = next
      if (at === piece.length) break
    }
    rest = Buffer.from(piece.subarray(at))
  }
  expect(rest).toHaveLength(0)
  return told.frames
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  putHead(head, 0, { type, flags, stream, length: payload.length })
  return Buffer.concat([head, payload])
}

describe('FrameReader', () => {
  test('reads the same however the bytes are cut', () => {
    const bytes = Buffer.concat([
      PREFACE,
      pingFrame(Buffer.alloc(8, 1), false),
      headerFrames(1, Buffer.from('block'), false),
      frame(FrameType.DATA, 0, 1, Buffer.from('some bytes')),
      frame(FrameType.DATA, 0, 3, Buffer.alloc(0)),
      frame(FrameType.DATA, 1 | 8, 1, Buffer.from('\u0002padded__')),
      resetFrame(3, 8),
      goodbyeFrame(7, 0),
      frame(FrameType.DATA, 1, 5, Buffer.alloc(0)),
    ])
    const whole = readAll(bytes, [])

    expect(whole).toEqual([
      '6 0 0 0101010101010101',
      '1 4 1 626c6f636b',
      'data 1 some bytes',
      'data 3 ',
      'data 1 9',
      'padding 1 3',
      'data 1 padded',
      'end 1',
      '3 0 3 00000008',
      '7 0 0 0000000700000000',
      'data 5 ',
      'end 5',
    ])
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (ends) => {
        expect(readAll(bytes, ends)).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a frame that is too long', Buffer.concat([PREFACE, frame(0, 0, 1, Buffer.alloc(16_385))])],
    ['a frame of padding only', Buffer.concat([PREFACE, frame(0, 8, 1, Buffer.of(1))])],
    ['a frame without its padding', Buffer.concat([PREFACE, frame(0, 8, 1, Buffer.alloc(0))])],
  ])('refuses %s', (_, bytes) => {
    expect(() => readAll(bytes, [])).toThrow(ConnectionError)
  })
})
