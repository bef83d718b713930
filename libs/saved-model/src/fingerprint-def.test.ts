import { expect, test } from 'vitest'
import { readFingerprint } from './fingerprint-def.ts'
import { WireWriter } from './wire.ts'

test('hashes are numbers without a sign', () => {
  const bytes = new WireWriter()
    .varint(1, 2n ** 64n - 1n)
    .varint(5, 7)
    .message(6, new WireWriter().varint(1, 4))
    .bytes(7, 'abc')
    .finish()

  expect(readFingerprint(bytes)).toEqual({
    savedModelChecksum: '18446744073709551615',
    graphDefProgramHash: '0',
    signatureDefHash: '0',
    savedObjectGraphHash: '0',
    checkpointHash: '7',
    uuid: 'abc',
    version: 4,
  })
})

test('what is no fingerprint is refused', () => {
  expect(() => readFingerprint(Uint8Array.of(8))).toThrow('not protobuf')
})
