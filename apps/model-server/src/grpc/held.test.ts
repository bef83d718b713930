import { describe, expect, test } from 'vitest'
import { LANE_BODY_BYTES } from '../serving/core.ts'
import { Held } from './held.ts'
import { GRPC_LIMITS } from './limits.ts'

const SMALL = LANE_BODY_BYTES
const RESERVED = 1_000
const heldWith = (reservedBytes: number) =>
  new Held({
    ...GRPC_LIMITS,
    smallBytesMax: 4 * SMALL,
    largeBytesMax: 10 * SMALL,
    reservedBytes,
  })

describe('what a connection holds', () => {
  test.each([
    ['small', SMALL, 2],
    ['large', 2 * SMALL, 2],
  ])('of %s ones is no more than it leaves to others', (_, bytes, most) => {
    const held = heldWith(0)
    const greedy = held.share()
    let count = 0
    while (greedy.grow(0, bytes)) count++

    expect(count).toBe(most)
    greedy.free(bytes)
    expect(greedy.grow(0, bytes)).toBe(true)
    expect(held.share().grow(0, bytes)).toBe(true)
  })

  test('leaves room to others even where two hold all they may', () => {
    const held = heldWith(RESERVED)
    for (const greedy of [held.share(), held.share()]) while (greedy.grow(0, 1_000));

    expect(held.share().grow(0, SMALL / 2)).toBe(true)
  })

  test('is a little at least, even when nothing is left', () => {
    const held = heldWith(RESERVED)
    // Each leaves as much as it takes: there is ever less.
    for (let count = 0; count < 100; count++) {
      const greedy = held.share()
      while (greedy.grow(0, 100));
    }
    const other = held.share()

    expect(other.grow(0, RESERVED)).toBe(true)
    expect(other.grow(RESERVED, RESERVED + 1_000)).toBe(false)
    other.free(RESERVED)
    expect(other.grow(0, RESERVED)).toBe(true)
  })

  test('leaves its room to small ones when it grows large', () => {
    const share = heldWith(0).share()

    expect(share.grow(0, SMALL)).toBe(true)
    expect(share.grow(SMALL, SMALL + 1)).toBe(true)
    expect([share.grow(0, SMALL), share.grow(0, SMALL)]).toEqual([true, true])
  })

  test('may be larger than all together if it is one alone', () => {
    const held = heldWith(0)
    const [share, other] = [held.share(), held.share()]

    expect(share.grow(0, 20 * SMALL)).toBe(true)
    expect(share.grow(20 * SMALL, 30 * SMALL)).toBe(true)
    expect(other.grow(0, 2 * SMALL)).toBe(false)
    share.free(30 * SMALL)
    expect(other.grow(0, 2 * SMALL)).toBe(true)
    expect([share.grow(0, 5 * SMALL), share.grow(0, 4 * SMALL)]).toEqual([false, true])
  })
})
