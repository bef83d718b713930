// Bytes as text of 64 characters that are safe in addresses, and back.

import { bytesOf, decodeText } from '../bytes-as-text.ts'
import { boolOf } from '../node-attrs.ts'
import { invalid } from '../values.ts'
import type { Kernel } from './kernel.ts'
import { mapTexts } from './map-texts.ts'

const GROUP = 4

const encodeBase64: Kernel = (node) => {
  const isPadded = boolOf(node, 'pad', false)
  return mapTexts((text) => {
    const encoded = Buffer.from(bytesOf(text)).toString('base64url')
    return isPadded ? encoded.padEnd(Math.ceil(encoded.length / GROUP) * GROUP, '=') : encoded
  })
}

/** Throws for what TensorFlow refuses; bits that are left over at the end are nothing to it. */
function decoded(text: string): string {
  // Only what is a whole number of groups may be padded, by one character or by two.
  const bare = text.length % GROUP === 0 ? text.replace(/={1,2}$/, '') : text
  if (!/^[A-Za-z0-9_-]*$/.test(bare)) throw invalid('Invalid character found in base64.')
  if (bare.length % GROUP === 1) throw invalid('Base64 string length cannot be 1 modulo 4.')
  return decodeText(Buffer.from(bare, 'base64url'))
}

/** The operations on base64. */
export const base64Kernels: Readonly<Record<string, Kernel>> = {
  DecodeBase64: () => mapTexts(decoded),
  EncodeBase64: encodeBase64,
}
