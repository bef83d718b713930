// TensorFlow's strong hash of bytes: SipHash-2-4. Its state is four numbers.

import { add, type Halves, mixIn, rotateLeft, swapHalves, whole } from './halves.ts'

const BLOCK_BYTES = 8
/** The numbers that the state begins with, before the key is mixed in. */
const INITIAL = BigUint64Array.of(
  0x736f6d6570736575n,
  0x646f72616e646f6dn,
  0x6c7967656e657261n,
  0x7465646279746573n,
)

function xor(state: Halves, to: number, low: number, high: number): void {
  state[2 * to] = (state[2 * to] ?? 0) ^ low
  state[2 * to + 1] = (state[2 * to + 1] ?? 0) ^ high
}

/** To the left, by less than 32 bits; then the other number is mixed in. */
function rotate(state: Halves, at: number, by: number, other: number): void {
  rotateLeft(state, at, by)
  mixIn(state, at, other)
}

function mix(state: Halves, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    add(state, 0, 1)
    add(state, 2, 3)
    rotate(state, 1, 13, 0)
    rotate(state, 3, 16, 2)
    swapHalves(state, 0)
    add(state, 2, 1)
    add(state, 0, 3)
    rotate(state, 1, 17, 2)
    rotate(state, 3, 21, 0)
    swapHalves(state, 2)
  }
}

function take(state: Halves, low: number, high: number): void {
  xor(state, 3, low, high)
  mix(state, 2)
  xor(state, 0, low, high)
}

/** What hashes bytes by a key of two numbers of 64 bits; the hash is unsigned. */
export function sipHasher([first, second]: readonly [bigint, bigint]): (
  bytes: Uint8Array,
) => bigint {
  const begun = INITIAL.map(
    (number, at) => number ^ BigInt.asUintN(64, at % 2 === 0 ? first : second),
  )
  return (bytes) => {
    const state = new Int32Array(begun.slice().buffer)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const end = bytes.length - (bytes.length % BLOCK_BYTES)
    for (let at = 0; at < end; at += BLOCK_BYTES)
      take(state, view.getInt32(at, true), view.getInt32(at + 4, true))
    const last = new DataView(new ArrayBuffer(BLOCK_BYTES))
    for (let at = end; at < bytes.length; at++) last.setUint8(at - end, bytes[at] ?? 0)
    last.setUint8(BLOCK_BYTES - 1, bytes.length & 0xff)
    take(state, last.getInt32(0, true), last.getInt32(4, true))
    xor(state, 2, 0xff, 0)
    mix(state, 4)
    const half = (at: number) =>
      (state[at] ?? 0) ^ (state[at + 2] ?? 0) ^ (state[at + 4] ?? 0) ^ (state[at + 6] ?? 0)
    return whole(Int32Array.of(half(0), half(1)))
  }
}
