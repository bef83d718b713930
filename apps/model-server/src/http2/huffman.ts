// The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: the lengths of the codes say all.

import { ConnectionError, ErrorCode } from './frames.ts'

/** By octet, in bits; the last one ends a text, and never comes. */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
]
const END = 256
const SHORTEST_BITS = 5

/**
 * The code as a tree: two places for each node, one for each bit. What is there is the next node if
 * above 0, an octet minus 257 if below, and nothing, which no code has, if 0.
 */
const TREE = growTree()

function growTree(): Int16Array {
  const tree = new Int16Array(LENGTHS.length * 2)
  let nodes = 1
  const byLength = LENGTHS.map((bits, octet) => ({ bits, octet })).toSorted(
    (a, b) => a.bits - b.bits || a.octet - b.octet,
  )
  let code = 0
  let codeBits = 0
  for (const { bits, octet } of byLength) {
    code = (code + (codeBits === 0 ? 0 : 1)) * 2 ** (bits - codeBits)
    codeBits = bits
    let node = 0
    for (let bit = bits - 1; bit > 0; bit--) {
      const place = node * 2 + ((code >>> bit) & 1)
      if (tree[place] === 0) tree[place] = nodes++
      node = tree[place] ?? 0
    }
    tree[node * 2 + (code & 1)] = octet - LENGTHS.length
  }
  return tree
}

const malformed = (): ConnectionError =>
  new ConnectionError(ErrorCode.COMPRESSION_ERROR, 'A text is not coded as it should be')

/** The text, an octet a character. Throws `ConnectionError`. */
export function decodeHuffman(bytes: Uint8Array): string {
  const text = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / SHORTEST_BITS))
  let length = 0
  let node = 0
  /** Of the code that has begun: how many bits, and whether they are ones, as those at the end must be. */
  let bits = 0
  let isOnes = true
  for (const byte of bytes)
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >>> shift) & 1
      const next = TREE[node * 2 + bit] ?? 0
      bits++
      isOnes &&= bit === 1
      if (next > 0) node = next
      else {
        const octet = next + LENGTHS.length
        if (next === 0 || octet === END) throw malformed()
        text[length++] = octet
        node = 0
        bits = 0
        isOnes = true
      }
    }
  if (bits > 7 || !isOnes) throw malformed()
  return text.toString('latin1', 0, length)
}
