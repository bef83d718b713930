// The text features of our recipes, in TypeScript: the same that their graphs compute.

import { fingerprint64 } from './fingerprint.ts'

const encoder = new TextEncoder()

/**
 * Lower case as TensorFlow's StringLower has it for UTF-8, by Unicode's rules without a locale.
 * Like TensorFlow it stops at a NUL character.
 */
export function lowerCase(text: string): string {
  return untilNul(text).toLowerCase()
}

/** Upper case as StringUpper has it, in the same way. */
export const upperCase = (text: string): string => untilNul(text).toUpperCase()

function untilNul(text: string): string {
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

/** The words of a text in lower case, then the pairs of neighbours, joined by a space. */
export function nGrams(text: string): string[] {
  const words = lowerCase(text)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
  return [...words, ...words.slice(1).map((word, index) => `${words[index]} ${word}`)]
}

/** Which of so many buckets a text falls into: TensorFlow's StringToHashBucketFast. */
export function hashBucket(text: string, buckets: number): number {
  return Number(fingerprint64(encoder.encode(text)) % BigInt(buckets))
}
