import { fingerprint64 as farmhash } from 'farmhash-modern'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { attr } from './graph.ts'
import { kernelOf } from './kernels/index.ts'
import { legacyHash64 } from './legacy-hash.ts'
import { sipHasher } from './sip-hash.ts'

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at)

/** From the appendix of the paper on SipHash and its reference implementation. */
test.each([
  [0, 0x726fdb47dd0e0e31n],
  [1, 0x74f839c593dc67fdn],
  [8, 0x93f5f5799a932462n],
  [15, 0xa129ca6149be45e5n],
])('SipHash of %i bytes is what its authors say', (length, expected) => {
  const hash = sipHasher([0x0706050403020100n, 0x0f0e0d0c0b0a0908n])

  expect(hash(counting(length))).toBe(expected)
})

test('the hash of bytes does not depend on where they are in memory', () => {
  const bytes = counting(30)
  const hash = sipHasher([1n, -1n])

  for (const hashOf of [hash, legacyHash64])
    expect(hashOf(bytes.subarray(3, 20))).toBe(hashOf(bytes.slice(3, 20)))
})

test('buckets of short texts are what is left of their fingerprints', () => {
  const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 10 }))
  const count = fc.constantFrom(1, 7, 6_240, 2 ** 20 + 7, 2 ** 26, 2 ** 26 + 1, 2 ** 40 + 3)
  const encoder = new TextEncoder()

  fc.assert(
    fc.property(fc.array(text), count, (texts, buckets) => {
      const [op, attrs] = ['StringToHashBucketFast', { num_buckets: attr.int(buckets) }]
      const run = kernelOf(op)?.({ name: 'y', op, inputs: [], attrs })
      const [found] = run?.([{ dtype: 'DT_STRING', shape: [texts.length], values: texts }]) ?? []
      const expected = texts.map((each) => farmhash(encoder.encode(each)) % BigInt(buckets))

      expect(found?.values).toEqual(BigInt64Array.from(expected))
    }),
  )
})
