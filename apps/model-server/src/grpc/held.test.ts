import { describe, expect, test } from 'vitest'
import { LANE_BODY_BYTES } from '../serving/core.ts'
import { Held } from './held.ts'
import { GRPC_LIMITS } from './limits.ts'

const SMALL = LANE_BODY_BYTES
const held = () => new Held({ ...GRPC_LIMITS, smallBytesMax: 2 * SMALL, largeBytesMax: 10 * SMALL })

describe('Held', () => {
  test('holds small ones until they are too many', () => {
    const all = held()

    expect([all.grow(0, SMALL), all.grow(0, SMALL), all.grow(0, 1)]).toEqual([true, true, false])
    all.free(SMALL)
    expect(all.grow(0, 1)).toBe(true)
  })

  test('one that grows large leaves its room to small ones', () => {
    const all = held()

    expect(all.grow(0, SMALL)).toBe(true)
    expect(all.grow(SMALL, SMALL + 1)).toBe(true)
    expect([all.grow(0, SMALL), all.grow(0, SMALL)]).toEqual([true, true])
  })

  test('one alone may be larger than all together', () => {
    const all = held()

    expect(all.grow(0, 20 * SMALL)).toBe(true)
    expect(all.grow(20 * SMALL, 30 * SMALL)).toBe(true)
    expect(all.grow(0, 2 * SMALL)).toBe(false)
    all.free(30 * SMALL)
    expect(all.grow(0, 2 * SMALL)).toBe(true)
    expect(all.grow(0, 8 * SMALL)).toBe(true)
    expect(all.grow(0, 2 * SMALL)).toBe(false)
  })
})
