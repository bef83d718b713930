// Which of so many buckets texts fall into, by TensorFlow's three hashes.

import { bytesOf } from '../bytes-as-text.ts'
import { fingerprint64 } from '../fingerprint.ts'
import type { NodeDef } from '../graph.ts'
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
    const count = longOf(node, 'num_buckets')
    if (count < 1n) throw untranslatable(node, 'it has no buckets')
    const hash = hashOf(node)
    return withOne((input) => {
      const values = asTexts(input)
      const found = new BigInt64Array(values.length)
      for (const [index, text] of values.entries()) found[index] = hash(bytesOf(text)) % count
      return ints(input.shape, found)
    })
  }

function strongHash(node: NodeDef): Hash {
  const [first, second, ...more] = intsOf(node, 'key')
  if (first === undefined || second === undefined || more.length > 0)
    throw untranslatable(node, 'its key does not consist of two numbers')
  return sipHasher([first, second])
}

/** The operations that hash. */
export const hashKernels: Readonly<Record<string, Kernel>> = {
  StringToHashBucket: buckets(() => legacyHash64),
  StringToHashBucketFast: buckets(() => fingerprint64),
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
