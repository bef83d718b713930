import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from './canonical.ts'
import { Data, durationMs, isSameSpec, requestOf, slotAt, Tenant, TenantSpec } from './spec.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const HOUR_MS = 3_600_000
const TEXT = { name: 'text-classifier' }
const DATA = { upload: sha256('rows') }

interface Changes {
  recipe?: object
  data?: object
  every?: string
  gate?: object
  born?: number
  trainRequestedAt?: string
  tombstone?: boolean
}

function tenantWith({
  recipe = TEXT,
  data = DATA,
  every,
  gate,
  tombstone = false,
  ...state
}: Changes) {
  return Tenant.parse({
    format: 1,
    seq: 3,
    attempt: 'a',
    tenant: 'acme',
    generation: 2,
    tombstone,
    spec: { models: { intent: { recipe, data, every, gate } } },
    models: { intent: { born: 1, ...state } },
    changedAt: '2026-11-22T00:00:00Z',
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  })
}

const idOf = (changes: Changes, now = NOW) => requestOf(tenantWith(changes), 'intent', now)?.id

describe('the request of a model', () => {
  test.each<[string, Changes]>([
    ['of a tenant that is gone', { tombstone: true }],
    ['that is trained elsewhere', { recipe: { name: 'push' } }],
  ])('%s is none', (_what, changes) => {
    expect(idOf(changes)).toBeUndefined()
  })

  test('that does not exist is none', () => {
    expect(requestOf(tenantWith({}), 'other', NOW)).toBeUndefined()
    expect(requestOf({ ...tenantWith({}), models: {} }, 'intent', NOW)).toBeUndefined()
  })

  test.each<[string, Changes]>([
    ['other data', { data: { upload: sha256('other rows') } }],
    ['another recipe', { recipe: { ...TEXT, epochs: 7 } }],
    ['a model created again', { born: 2 }],
    ['somebody who asks for it', { trainRequestedAt: '2026-11-22T11:00:00Z' }],
  ])('is another one for %s', (_what, changes) => {
    expect(idOf(changes)).not.toBe(idOf({}))
  })

  test('is the same one for another gate, and at any time without a schedule', () => {
    expect(idOf({ gate: { rowsMin: 7 } })).toBe(idOf({}))
    expect(idOf({}, NOW + 1_000 * HOUR_MS)).toBe(idOf({}))
  })

  test('is the same one whatever its upload is called', () => {
    expect(idOf({ data: { ...DATA, name: 'rows of may.csv' } })).toBe(idOf({}))
  })

  test('is one for each slot of a schedule', () => {
    const hours = Array.from({ length: 72 }, (_, hour) =>
      idOf({ every: '24h' }, NOW + hour * HOUR_MS),
    )

    expect(new Set(hours).size).toBeGreaterThanOrEqual(3)
    expect(new Set(hours).size).toBeLessThanOrEqual(4)
  })
})

describe('a slot of a schedule', () => {
  const every = fc.constantFrom('30s', '15m', '24h', '7d')
  const now = fc.integer({ min: 0, max: 4e12 })

  test('begins when the one before it ends', () => {
    fc.assert(
      fc.property(fc.string(), every, now, (name, text, at) => {
        const { slot, nextAt } = slotAt(name, text, at)

        expect(nextAt - at).toBeGreaterThan(0)
        expect(nextAt - at).toBeLessThanOrEqual(durationMs(text))
        expect(slotAt(name, text, nextAt - 1).slot).toBe(slot)
        expect(slotAt(name, text, nextAt).slot).toBe(slot + 1)
      }),
    )
  })

  test('begins at another time for another name, spread over the whole period', () => {
    const starts = Array.from(
      { length: 1_000 },
      (_, index) => slotAt(`t${index}.m`, '24h', NOW).nextAt,
    )

    const perHour = Array.from(
      { length: 24 },
      (_, hour) => starts.filter((at) => Math.floor((at - NOW) / HOUR_MS) === hour).length,
    )
    expect(Math.min(...perHour)).toBeGreaterThan(15)
    expect(Math.max(...perHour)).toBeLessThan(80)
  })
})

describe('a duration', () => {
  test.each([
    ['30s', 30_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('%s is %d ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
  })

  test.each(['', '0s', '-1s', '1.5h', '24 h', '1w', '01s', '9999999s'])('is not %j', (text) => {
    expect(() => durationMs(text)).toThrow(`${JSON.stringify(text)} is not a duration`)
  })
})

describe('a spec', () => {
  test('says the same whatever is left to its defaults', () => {
    const short = TenantSpec.parse({ models: { m: { recipe: TEXT, data: DATA } } })
    const long = TenantSpec.parse({
      weight: 1,
      fleet: 'main',
      models: {
        m: {
          gate: { improvementMin: 0, rowsMin: 50 },
          data: DATA,
          recipe: { ...TEXT, text: 'text' },
        },
      },
    })

    expect(isSameSpec(short, long)).toBe(true)
    expect(isSameSpec(short, { ...long, weight: 2 })).toBe(false)
  })

  test.each<[string, object]>([
    ['data', { models: { m: { recipe: TEXT } } }],
    ['recipe', { models: { m: { recipe: { name: 'magic' }, data: DATA } } }],
    [
      'columns',
      {
        models: {
          m: { recipe: { name: 'tabular-classifier', label: 'y', columns: {} }, data: DATA },
        },
      },
    ],
    [
      'argv',
      { models: { m: { recipe: { name: 'command', command: 'x', argv: ['rm'] }, data: DATA } } },
    ],
    ['command', { models: { m: { recipe: { name: 'command', command: '/bin/sh' }, data: DATA } } }],
    ['models', { models: { 'A/B': { recipe: { name: 'push' } } } }],
    ['every', { models: { m: { recipe: TEXT, data: DATA, every: '0s' } } }],
    ['weight', { models: {}, weight: 0 }],
    [
      '100',
      {
        models: Object.fromEntries(
          Array.from({ length: 101 }, (_, i) => [`m${i}`, { recipe: { name: 'push' } }]),
        ),
      },
    ],
  ])('that is wrong about %s is refused, and says so', (what, spec) => {
    const parsed = TenantSpec.safeParse(spec)

    expect(parsed.success).toBe(false)
    expect(JSON.stringify(parsed.error?.issues)).toContain(what)
  })

  test.each(['/etc/passwd', '', 'a\0b'])('names no data file %j', (file) => {
    expect(Data.safeParse({ file }).success).toBe(false)
  })
})
