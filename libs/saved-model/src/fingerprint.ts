import { fingerprint64 as farmhashFingerprint64 } from 'farmhash-modern'
import { SHORT_BYTES_MAX, shortFingerprint } from './fingerprint-short.ts'
import { whole } from './halves.ts'

const FARMHASH_BYTES_MAX = 64
const [K0, K1, K2] = [0xc3a5c85c97cb3127n, 0xb492b66fbe98f273n, 0x9ae16a3b2f90404fn]

type Pair = [bigint, bigint]

/** TensorFlow's fingerprint of bytes: FarmHash's 64-bit one, unsigned. */
export function fingerprint64(bytes: Uint8Array): bigint {
  if (bytes.length <= SHORT_BYTES_MAX) return whole(shortFingerprint(bytes, bytes.length))
  // Of more bytes, farmhash-modern hashes every whole multiple of 64 otherwise than TensorFlow does.
  return bytes.length <= FARMHASH_BYTES_MAX ? farmhashFingerprint64(bytes) : fingerprintLong(bytes)
}

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
const mix = (value: bigint): bigint => value ^ (value >> 47n)

function rotate(sum: bigint, by: bigint): bigint {
  const value = wrap(sum)
  return wrap((value >> by) | (value << (64n - by)))
}

/** FarmHash's HashLen16. */
function hashPair(u: bigint, v: bigint, factor: bigint): bigint {
  const a = mix(wrap((u ^ v) * factor))
  return wrap(mix(wrap((v ^ a) * factor)) * factor)
}

/** What the loop of `fingerprintLong` carries from one block of 64 bytes to the next. */
interface State {
  x: bigint
  y: bigint
  z: bigint
  v: Pair
  w: Pair
}

/** Names and order of the steps are FarmHash's own (`farmhashna::Hash64`), so that they can be compared. */
function fingerprintLong(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fetch = (at: number): bigint => view.getBigUint64(at, true)
  const y = wrap(81n * K1 + 113n)
  const state: State = {
    x: wrap(81n * K2 + fetch(0)),
    y,
    z: wrap(mix(wrap(y * K2 + 113n)) * K2),
    v: [0n, 0n],
    w: [0n, 0n],
  }
  const rest = (bytes.length - 1) & 63
  const end = bytes.length - 1 - rest
  for (let at = 0; at < end; at += 64) step(state, fetch, at, { factor: K1, weight: 1n })
  const factor = K1 + ((state.z & 0xffn) << 1n)
  const { v, w } = state
  w[0] = wrap(w[0] + BigInt(rest))
  v[0] = wrap(v[0] + w[0])
  w[0] = wrap(w[0] + v[0])
  step(state, fetch, bytes.length - 64, { factor, weight: 9n })
  return hashPair(
    wrap(hashPair(state.v[0], state.w[0], factor) + mix(state.y) * K0 + state.z),
    wrap(hashPair(state.v[1], state.w[1], factor) + state.x),
    factor,
  )
}

function step(
  state: State,
  fetch: (at: number) => bigint,
  at: number,
  { factor, weight }: { factor: bigint; weight: bigint },
): void {
  const { v, w } = state
  const x =
    wrap(rotate(state.x + state.y + v[0] + fetch(at + 8), 37n) * factor) ^ wrap(w[1] * weight)
  const turned = wrap(rotate(state.y + v[1] + fetch(at + 48), 42n) * factor)
  const y = wrap(turned + v[0] * weight + fetch(at + 40))
  const z = wrap(rotate(state.z + w[0], 33n) * factor)
  state.v = weakHash(fetch, at, v[1] * factor, x + w[0])
  state.w = weakHash(fetch, at + 32, z + w[1], y + fetch(at + 16))
  state.y = y
  state.x = z
  state.z = x
}

/** FarmHash's WeakHashLen32WithSeeds. */
function weakHash(fetch: (at: number) => bigint, at: number, seedA: bigint, seedB: bigint): Pair {
  const first = wrap(seedA + fetch(at))
  const last = fetch(at + 24)
  const turned = rotate(seedB + first + last, 21n)
  const sum = wrap(first + fetch(at + 8) + fetch(at + 16))
  return [wrap(sum + last), wrap(turned + rotate(sum, 44n) + first)]
}
