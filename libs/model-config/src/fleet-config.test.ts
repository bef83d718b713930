import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from './canonical.ts'
import {
  Bucket,
  BUCKET_BITS,
  bucketOf,
  ConfigEntry,
  differenceOf,
  EMPTY_CONFIG,
  FleetConfig,
  type Models,
  renderConfig,
} from './fleet-config.ts'

const digest = fc.integer().map((seed) => sha256(String(seed)))
const name = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom('late', 'intent'))
const version = fc.record({
  version: fc.integer({ min: 1 }),
  manifest: digest,
  verdict: fc.integer({ min: 1 }),
  made: digest,
})
const entry = fc.record({
  born: fc.integer({ min: 1 }),
  versions: fc.array(version, { minLength: 1, maxLength: 4 }),
  labels: fc.dictionary(fc.constantFrom('stable', 'canary'), fc.integer({ min: 1 })),
})
const models: fc.Arbitrary<Models> = fc
  .array(fc.tuple(name, entry), { maxLength: 40 })
  .map((pairs) =>
    Object.fromEntries(pairs.map(([[tenant, model], each]) => [`t${tenant}.${model}`, each])),
  )
const bits = fc.constantFrom(0, 1, 5, BUCKET_BITS, 16)

/** What a server does: the root, then each bucket that it lists, all checked. */
function parse({ root, buckets }: ReturnType<typeof renderConfig>): Models {
  const { buckets: digests } = FleetConfig.parse(JSON.parse(root.text))
  const bySha = new Map(Array.from(buckets.values(), ({ sha, text }) => [sha, text]))
  const parsed = Object.entries(digests).map(([index, sha]) => {
    const text = bySha.get(sha) ?? ''
    expect(sha256(text)).toBe(sha)
    const bucket = Bucket.parse(JSON.parse(text))
    for (const key of Object.keys(bucket.models))
      expect(bucketOf(key, bitsOf(root))).toBe(Number(index))
    return bucket.models
  })
  return Object.assign({}, ...parsed)
}

const bitsOf = ({ text }: { text: string }) => FleetConfig.parse(JSON.parse(text)).bucketBits

describe('a rendered config', () => {
  test('is parsed back into its models, however many buckets there are', () => {
    fc.assert(
      fc.property(models, bits, (all, bucketBits) => {
        const rendered = renderConfig(all, bucketBits)

        expect(parse(rendered)).toEqual(all)
        const root = FleetConfig.parse(JSON.parse(rendered.root.text))
        expect(root).toMatchObject({ bucketBits, models: Object.keys(all).length })
        expect(sha256(rendered.root.text)).toBe(rendered.root.sha)
      }),
    )
  })

  test('is the same text whatever order the models came in', () => {
    fc.assert(
      fc.property(models, bits, (all, bucketBits) => {
        const reversed = Object.fromEntries(Object.entries(all).toReversed())

        expect(renderConfig(reversed, bucketBits)).toEqual({
          ...renderConfig(all, bucketBits),
          buckets: expect.any(Map),
        })
      }),
    )
  })

  test('changes no bucket but those of the models that changed', () => {
    fc.assert(
      fc.property(models, models, bits, (before, changes, bucketBits) => {
        const touched = new Set(Object.keys(changes).map((key) => bucketOf(key, bucketBits)))

        const old = renderConfig(before, bucketBits).buckets
        const renewed = renderConfig({ ...before, ...changes }, bucketBits).buckets

        for (const [index, { sha }] of renewed) {
          expect(touched.has(index) || old.get(index)?.sha === sha).toBe(true)
        }
        expect([...old.keys()].filter((index) => !renewed.has(index))).toEqual([])
      }),
    )
  })

  test('of no models has no buckets', () => {
    expect(JSON.parse(EMPTY_CONFIG.text)).toEqual({
      format: 1,
      bucketBits: BUCKET_BITS,
      buckets: {},
      models: 0,
    })
  })
})

describe('the difference of two configs', () => {
  test('makes one of the other and holds nothing that is the same in both', () => {
    fc.assert(
      fc.property(models, models, (from, to) => {
        const { upserts, removes } = differenceOf(from, to)

        const kept = Object.entries(from).filter(([key]) => !removes.includes(key))
        expect({ ...Object.fromEntries(kept), ...upserts }).toEqual(to)
        expect(Object.keys(upserts).filter((key) => removes.includes(key))).toEqual([])
        expect(differenceOf(to, to)).toEqual({ upserts: {}, removes: [] })
      }),
    )
  })
})

test('a bucket is the first bits of the sha256 of the name', () => {
  const first = Number.parseInt(sha256('jfk.late').slice(0, 4), 16)
  for (const bucketBits of [0, 1, 8, 9, 16]) {
    expect(bucketOf('jfk.late', bucketBits)).toBe(first >> (16 - bucketBits))
  }
})

test.each([
  { versions: [] },
  { versions: [{ version: 0, manifest: sha256(''), verdict: 1, made: sha256('') }] },
  { versions: [{ version: 1, manifest: 'x', verdict: 1, made: sha256('') }] },
])('%j is no entry', (value) => {
  expect(ConfigEntry.safeParse(value).success).toBe(false)
})

function entryWith(labels: string): unknown {
  const one = { version: 1, manifest: sha256('manifest'), verdict: 1, made: sha256('made') }
  return JSON.parse(`{"born": 1, "versions": [${JSON.stringify(one)}], "labels": ${labels}}`)
}

describe('the labels of an entry', () => {
  test('are names of versions', () => {
    expect(ConfigEntry.parse(entryWith('{"stable": 1}')).labels).toEqual({ stable: 1 })
  })

  test.each([
    ['__proto__', '{"__proto__": 1}', /anything but __proto__/],
    ['a path', '{"a/b": 1}', /Invalid key/],
    [
      'too many',
      JSON.stringify(Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`l${at}`, 1]))),
      /at most 16/,
    ],
    ['a text', '"stable"', /expected record/],
  ])('may not be %s', (_, labels, why) => {
    expect(() => ConfigEntry.parse(entryWith(labels))).toThrow(why)
  })
})
