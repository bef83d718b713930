import { expect, test } from 'vitest'
import { textAt } from './wire-text.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Far more texts than are known at a time, so that many have the place of another. */
const NAMES = Array.from({ length: 20_000 }, (_, index) => `node_${index % 7_000}`)

test.each<[string, readonly Uint8Array[]]>([
  ['names', NAMES.map((name) => encoder.encode(name))],
  ['texts of one byte', Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte))],
  [
    'no text, a long one and marks',
    ['', 'x'.repeat(33), '\uFEFFx', '\0'].map((text) => encoder.encode(text)),
  ],
  [
    'what is no ASCII, and texts of which each byte is one of its characters',
    ['é', 'Ã©', '€', 'ab\u20acc'].flatMap((text) => [
      encoder.encode(text),
      Buffer.from(text, 'latin1'),
    ]),
  ],
])('%s are read as they are written, however often', (_name, texts) => {
  const bytes = Buffer.concat([Buffer.of(120), ...texts, Buffer.of(120)])
  const wanted = texts.map((text) => decoder.decode(text))

  for (let round = 0; round < 2; round++) {
    let at = 1
    const read = texts.map(({ length }) => textAt(bytes, at, (at += length)))
    expect(read).toEqual(wanted)
  }
})
