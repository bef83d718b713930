import { describe, expect, test } from 'vitest'
import { sha256 } from './canonical.ts'
import * as keys from './keys.ts'
import { digestOfFiles, FilePath } from './version.ts'

const ID = { tenant: 'acme', model: 'intent' }
const AT = new Date('2026-11-22T09:59:59Z')

describe('a key', () => {
  test.each([
    [keys.tenantKey('acme'), 'tenants/acme.json'],
    [keys.controlsKey('acme'), 'controls/acme.json'],
    [keys.dataKey(ID, 'd'), 'data/acme/intent/d'],
    [keys.claimKey(ID, 3), 'models/acme/intent/3/CLAIM.json'],
    [keys.manifestKey(ID, 3), 'models/acme/intent/3/MANIFEST.json'],
    [keys.verdictKey(ID, 3, 2), 'verdicts/acme/intent/3/2.json'],
    [keys.madePrefix(ID, 3, 2), 'verdicts/acme/intent/3/2'],
    [keys.runKey(ID, 'r'), 'runs/acme/intent/r.json'],
    [keys.channelKey('main'), 'fleets/main/channel.json'],
    [keys.configKey('main', 's'), 'fleets/main/configs/s.json'],
    [keys.bucketKey('main', 's'), 'fleets/main/buckets/s.json'],
    [keys.changeKey(AT, 'x'), 'changes/2026112209/x.json'],
    [keys.auditKey(AT, 'x'), 'audit/2026-11-22/x.json'],
    [keys.auditDayPrefix('2026-11-22'), 'audit/2026-11-22'],
  ])('%s is where the protocol has it', (key, expected) => {
    expect(key).toBe(expected)
  })

  test.each(['..', 'a/b', '', 'A', 'a.b', 'a\0'])('holds no name %j', (name) => {
    const id = { tenant: 'acme', model: name }
    for (const make of [
      () => keys.tenantKey(name),
      () => keys.controlsKey(name),
      () => keys.channelKey(name),
      () => keys.dataKey(id, 'd'),
      () => keys.claimKey({ tenant: name, model: 'm' }, 1),
      () => keys.verdictKey(id, 1, 1),
      () => keys.runKey(id, 'r'),
    ]) {
      expect(make).toThrow('a name is')
    }
  })

  test.each(['..', '.', '', 'a/b', 'a\\b', 'a\0', '../../tenants/acme'])('holds no id %j', (id) => {
    for (const make of [
      () => keys.dataKey(ID, id),
      () => keys.runKey(ID, id),
      () => keys.configKey('main', id),
      () => keys.bucketKey('main', id),
      () => keys.changeKey(AT, id),
      () => keys.auditKey(AT, id),
      () => keys.auditDayPrefix(id),
    ]) {
      expect(make).toThrow('an id is')
    }
  })

  test.each([0, -1, 1.5, Number.NaN])('holds no version %d', (version) => {
    expect(() => keys.claimKey(ID, version)).toThrow()
  })
})

describe('a path below a version', () => {
  test.each(['saved_model.pb', 'variables/variables.index', 'assets.extra/drover/golden.json'])(
    'may be %j',
    (path) => {
      expect(FilePath.safeParse(path).success).toBe(true)
    },
  )

  test.each(['', '/a', 'a/', 'a//b', '../a', 'a/../b', './a', 'a\\b', 'a\0', 'x'.repeat(513)])(
    'may not be %j',
    (path) => {
      expect(FilePath.safeParse(path).success).toBe(false)
    },
  )
})

test('the digest of files does not depend on their order, and depends on all else', () => {
  const a = { path: 'a', sizeBytes: 1, sha256: sha256('a') }
  const b = { path: 'b', sizeBytes: 1, sha256: sha256('b') }

  expect(digestOfFiles([a, b])).toBe(digestOfFiles([b, a]))
  expect(digestOfFiles([a, { ...b, sizeBytes: 2 }])).not.toBe(digestOfFiles([a, b]))
  expect(digestOfFiles([a])).not.toBe(digestOfFiles([a, b]))
})
