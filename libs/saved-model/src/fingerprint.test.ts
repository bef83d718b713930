import { expect, test } from 'vitest'
import { fingerprint64 } from './fingerprint.ts'

const bytesOf = (length: number): Uint8Array =>
  new Uint8Array(length).map((_, index) => (index * 37 + length * 11 + ((index ** 2) >> 3)) & 255)

// From tf.util.fingerPrint64 of tfjs-core 4.22; libs/inference asks TensorFlow itself.
test('fingerprints of all lengths up to 600 bytes are those of TensorFlow', () => {
  let sum = 0n
  for (let length = 0; length <= 600; length++)
    sum = BigInt.asUintN(64, sum * 31n + fingerprint64(bytesOf(length)))

  expect(sum).toBe(0x6d371b275037616dn)
})
