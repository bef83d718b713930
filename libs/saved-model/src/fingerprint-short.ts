// FarmHash's 64-bit fingerprint of few bytes, as words have them. Names and order of the steps are
// FarmHash's own (`farmhashna::HashLen0to16`, `HashLen17to32`), so that they can be compared.

import { add, type Halves, mixIn, multiply, rotateLeft, swapHalves } from './halves.ts'

/** Of more bytes `fingerprint64` tells it. */
export const SHORT_BYTES_MAX = 32

const [K0, K1, K2] = [0, 1, 2]
/** The factor of a length, what is calculated with, and where the hash is in the end. */
const [FACTOR, A, B, C, D, FOUND] = [3, 4, 5, 6, 7, 8]
const numbers: Halves = new Int32Array(18)
numbers.set([0x97cb3127, 0xc3a5c85c, 0xbe98f273, 0xb492b66f, 0x2f90404f, 0x9ae16a3b])

/** Its low and its high half, good until the next one is asked for. */
export function shortFingerprint(bytes: Uint8Array, length: number): Halves {
  if (length > 16) hashUpTo32(bytes, length)
  else if (length >= 8) hashUpTo16(bytes, length)
  else if (length >= 4) hashUpTo7(bytes, length)
  else if (length > 0) hashUpTo3(bytes, length)
  else copy(FOUND, K2)
  return found
}

const found = numbers.subarray(2 * FOUND)

function hashUpTo32(bytes: Uint8Array, length: number): void {
  setFactor(length)
  fetch(A, bytes, 0)
  multiply(numbers, A, K1)
  fetch(B, bytes, 8)
  fetch(C, bytes, length - 8)
  multiply(numbers, C, FACTOR)
  fetch(D, bytes, length - 16)
  multiply(numbers, D, K2)
  // Of the pair the first: what a, b, c and d make together.
  copy(FOUND, A)
  add(numbers, FOUND, B)
  rotateRight(FOUND, 43)
  add(numbers, FOUND, D)
  copy(D, C)
  rotateRight(D, 30)
  add(numbers, D, FOUND)
  // The second.
  add(numbers, B, K2)
  rotateRight(B, 18)
  add(numbers, A, B)
  add(numbers, A, C)
  hashPair(D, A)
}

function hashUpTo16(bytes: Uint8Array, length: number): void {
  setFactor(length)
  fetch(A, bytes, 0)
  add(numbers, A, K2)
  fetch(B, bytes, length - 8)
  copy(C, B)
  rotateRight(C, 37)
  multiply(numbers, C, FACTOR)
  add(numbers, C, A)
  copy(D, A)
  rotateRight(D, 25)
  add(numbers, D, B)
  multiply(numbers, D, FACTOR)
  hashPair(C, D)
}

function hashUpTo7(bytes: Uint8Array, length: number): void {
  setFactor(length)
  const first = word(bytes, 0)
  set(C, length, 0)
  set(A, first << 3, first >>> 29)
  add(numbers, A, C)
  set(B, word(bytes, length - 4), 0)
  hashPair(A, B)
}

function hashUpTo3(bytes: Uint8Array, length: number): void {
  const middle = bytes[length >> 1] ?? 0
  set(A, (bytes[0] ?? 0) + (middle << 8), 0)
  set(B, length + ((bytes[length - 1] ?? 0) << 2), 0)
  multiply(numbers, A, K2)
  multiply(numbers, B, K0)
  mixIn(numbers, A, B)
  shiftMix(A)
  multiply(numbers, A, K2)
  copy(FOUND, A)
}

/** FarmHash's HashLen16. */
function hashPair(u: number, v: number): void {
  mixIn(numbers, u, v)
  multiply(numbers, u, FACTOR)
  shiftMix(u)
  mixIn(numbers, v, u)
  multiply(numbers, v, FACTOR)
  shiftMix(v)
  multiply(numbers, v, FACTOR)
  copy(FOUND, v)
}

function setFactor(length: number): void {
  set(FACTOR, 2 * length, 0)
  add(numbers, FACTOR, K2)
}

function set(at: number, low: number, high: number): void {
  numbers[2 * at] = low
  numbers[2 * at + 1] = high
}

const copy = (to: number, from: number): void =>
  set(to, numbers[2 * from] ?? 0, numbers[2 * from + 1] ?? 0)

function shiftMix(at: number): void {
  numbers[2 * at] = (numbers[2 * at] ?? 0) ^ ((numbers[2 * at + 1] ?? 0) >>> 15)
}

function rotateRight(at: number, by: number): void {
  if (by < 32) {
    swapHalves(numbers, at)
    rotateLeft(numbers, at, 32 - by)
  } else rotateLeft(numbers, at, 64 - by)
}

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) |
  ((bytes[at + 1] ?? 0) << 8) |
  ((bytes[at + 2] ?? 0) << 16) |
  ((bytes[at + 3] ?? 0) << 24)

const fetch = (to: number, bytes: Uint8Array, at: number): void =>
  set(to, word(bytes, at), word(bytes, at + 4))
