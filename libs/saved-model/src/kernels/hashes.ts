// Which of so many buckets texts fall into, by TensorFlow's three hashes.

import { bytesOf, writeAscii } from '../bytes-as-text.ts'
import { SHORT_BYTES_MAX, shortFingerprint } from '../fingerprint-short.ts'
import { fingerprint64 } from '../fingerprint.ts'
import type { NodeDef } from '../graph.ts'
import { DIVISOR_MAX, remainder } from '../halves.ts'
import { legacyHash64 } from '../legacy-hash.ts'
import { intsOf, longOf, untranslatable } from '../node-attrs.ts'
import { sipHasher } from '../sip-hash.ts'
import { asTexts, ints } from '../values.ts'
import { type Cost, elementsOf, textNs } from './cost-parts.ts'
import { type Kernel, withOne } from './kernel.ts'

type Hash = (bytes: Uint8Array) => bigint

const buckets =
  (hashOf: (node: NodeDef) => Hash): Kernel =>
  (node) => {
    const count = bucketsOf(node)
    const hash = hashOf(node)
    return withOne((input) => {
      const values = asTexts(input)
      const found = new BigInt64Array(values.length)
      for (const [index, text] of values.entries()) found[index] = hash(bytesOf(text)) % count
      return ints(input.shape, found)
    })
  }

function bucketsOf(node: NodeDef): bigint {
  const count = longOf(node, 'num_buckets')
  if (count < 1n) throw untranslatable(node, 'it has no buckets')
  return count
}

/** The most frequent of the three, and nearly always of short words: no BigInts for these. */
const fastBuckets: Kernel = (node) => {
  const count = bucketsOf(node)
  if (count > DIVISOR_MAX) return buckets(() => fingerprint64)(node)
  const divisor = Number(count)
  return withOne((input) => {
    const values = asTexts(input)
    const found = new BigInt64Array(values.length)
    const halves = new Int32Array(found.buffer)
    for (let index = 0; index < values.length; index++) {
      const text = values[index] ?? ''
      const length = writeAscii(text, word)
      if (length < 0) found[index] = fingerprint64(bytesOf(text)) % count
      else halves[2 * index] = remainder(shortFingerprint(word, length), divisor)
    }
    return ints(input.shape, found)
  })
}

/** Where the word is that is hashed. */
const word = new Uint8Array(SHORT_BYTES_MAX)

function strongHash(node: NodeDef): Hash {
  const [first, second, ...more] = intsOf(node, 'key')
  if (first === undefined || second === undefined || more.length > 0)
    throw untranslatable(node, 'its key does not consist of two numbers')
  return sipHasher([first, second])
}

/** The operations that hash. */
export const hashKernels: Readonly<Record<string, Kernel>> = {
  StringToHashBucket: buckets(() => legacyHash64),
  StringToHashBucketFast: fastBuckets,
  StringToHashBucketStrong: buckets(strongHash),
}

/** What a hash takes besides reading a text, and for each character. */
const HASH_NS = 2_000
const CHARACTER_NS = 60

const hashed: Cost = (inputs) =>
  elementsOf(inputs) * HASH_NS + inputs.reduce((sum, each) => sum + textNs(each, CHARACTER_NS), 0)

/** What they cost. */
export const hashCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = Object.fromEntries(
  Object.keys(hashKernels).map((op) => [op, () => hashed]),
)
