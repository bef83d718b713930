import type { VersionPolicy } from '@drover/model-config'

const NUMBER = /^[ \t\n\v\f\r]*([+-]?\d{1,255})[ \t\n\v\f\r]*$/
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

/** The version that a directory of this name is, read as upstream reads it; undefined if it is none. */
export function versionOf(name: string): bigint | undefined {
  const digits = NUMBER.exec(name)?.[1]
  if (digits === undefined) return undefined
  const version = BigInt(digits)
  return version >= INT64_MIN && version <= INT64_MAX ? version : undefined
}

/** The versions among some names; of names for one number the last by its bytes counts, as upstream. */
export function versionsAmong(names: readonly string[]): Map<bigint, string> {
  const versions = new Map<bigint, string>()
  for (const name of names) {
    const version = versionOf(name)
    if (version === undefined) continue
    const other = versions.get(version)
    if (other === undefined || other < name) versions.set(version, name)
  }
  return versions
}

/** The versions that a policy asks for, in the order in which it asks, and how many of them it wants. */
export function chosen(
  found: Iterable<bigint>,
  policy: VersionPolicy,
): { versions: bigint[]; countMax: number } {
  const versions = [...found].toSorted((a, b) => (a < b ? 1 : -1))
  switch (policy.kind) {
    case 'all':
      return { versions, countMax: versions.length }
    case 'specific': {
      const wanted = new Set(policy.versions)
      const there = versions.filter((version) => wanted.has(version))
      return { versions: there, countMax: there.length }
    }
    case 'latest':
      return { versions, countMax: policy.numVersions }
  }
}
