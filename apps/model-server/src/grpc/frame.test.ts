import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frameOf } from '../test-support/grpc.ts'
import { type Frame, FrameReader, prefixOf, wholeFrame } from './frame.ts'

const MAX = 100_000

/** Reads the bytes in pieces that end where told. */
function read(bytes: Buffer, ends: readonly number[], bytesMax = MAX): Frame[] {
  const frames: Frame[] = []
  const reader = new FrameReader(bytesMax, (frame) => frames.push(frame))
  let start = 0
  for (const end of [...ends.toSorted((a, b) => a - b), bytes.length]) {
    reader.push(bytes.subarray(start, end))
    start = end
  }
  expect(reader.isInside).toBe(false)
  return frames
}

describe('FrameReader', () => {
  test('puts together whatever was sent, however it was cut', () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 16_000, max: 70_000 }).map((length) => new Uint8Array(length).fill(7)),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(message, fc.boolean()), { maxLength: 4 }),
        fc.array(fc.nat(200_000), { maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(
            messages.map(([each, isCompressed]) => frameOf(each, isCompressed)),
          )
          const ends = cuts.map((cut) => (bytes.length === 0 ? 0 : cut % bytes.length))

          const frames = read(bytes, ends)

          expect(frames.map(({ isCompressed }) => isCompressed)).toEqual(
            messages.map(([, is]) => is),
          )
          for (const [index, [each]] of messages.entries())
            expect(Buffer.compare(frames[index]?.message ?? Buffer.alloc(0), each)).toBe(0)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('gives a message that came in pieces a memory of its own, and no more of it than its length', () => {
    const [frame] = read(frameOf(new Uint8Array(70_000)), [3, 20, 30_000])

    expect(frame?.message.buffer.byteLength).toBe(70_000)
  })

  test('refuses a message that is too large before it arrives', () => {
    const reader = new FrameReader(10, () => {})

    expect(() => reader.push(Buffer.from([0, 0, 0, 0, 11]))).toThrowError(
      expect.objectContaining({
        code: 'RESOURCE_EXHAUSTED',
        message: 'Received message larger than max (11 vs. 10)',
      }),
    )
  })

  test('refuses flags that it does not know', () => {
    const reader = new FrameReader(10, () => {})

    expect(() => reader.push(Buffer.from([2, 0, 0, 0, 1]))).toThrowError(
      expect.objectContaining({ code: 'INTERNAL' }),
    )
  })

  test('reserves for what has come and not for what is announced', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 100 }, () => new FrameReader(2 ** 31, () => {}))

    for (const reader of readers) reader.push(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]))

    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    expect(readers.every(({ isInside }) => isInside)).toBe(true)
  })
})

describe('wholeFrame', () => {
  test('is a piece that is one message, and nothing else', () => {
    const piece = frameOf(Buffer.from('abc'), true)

    expect(wholeFrame(piece)).toEqual({ isCompressed: true, message: Buffer.from('abc') })
    expect(wholeFrame(piece.subarray(0, 7))).toBeUndefined()
    expect(wholeFrame(Buffer.concat([piece, piece]))).toBeUndefined()
    expect(wholeFrame(Buffer.from([2, 0, 0, 0, 0]))).toBeUndefined()
    expect(wholeFrame(Buffer.from([0, 0, 0]))).toBeUndefined()
  })
})

test('prefixOf is what stands before a message', () => {
  for (const length of [0, 1, 16_385, 100_000]) {
    const message = Buffer.alloc(length, 7)

    expect(Buffer.concat([prefixOf(message), message])).toEqual(frameOf(message))
    expect(Buffer.concat([prefixOf(message, true), message])).toEqual(frameOf(message, true))
  }
})
