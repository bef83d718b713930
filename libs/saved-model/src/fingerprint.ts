import { fingerprint64 as farmFingerprint64 } from 'farmhash-modern'

export function fingerprint64(bytes: Uint8Array): bigint {
  return farmFingerprint64(bytes)
}
