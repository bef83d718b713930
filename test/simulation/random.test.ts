import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Deed } from './client.ts'
import { type Cast, playHistory } from './history.ts'

const HISTORIES = 30_000
const EVENTS_MAX = 300
const NUMBER_MAX = 1_000_000

const tenant = fc.constantFrom('a', 'b', 'c')
const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), tenant, data: fc.nat({ max: 3 }) }),
  fc.record({ kind: fc.constantFrom('train' as const, 'delete' as const), tenant }),
  fc.record({ kind: fc.constant('rollback' as const), tenant }),
)
const cast: fc.Arbitrary<Cast> = fc.record({
  trainers: fc.integer({ min: 1, max: 2 }),
  publishers: fc.integer({ min: 1, max: 2 }),
  restarters: fc.integer({ min: 1, max: 2 }),
  servers: fc.integer({ min: 1, max: 3 }),
  deeds: fc.array(deed, { minLength: 1, maxLength: 8 }),
})
const history = fc.array(fc.nat({ max: NUMBER_MAX }), { maxLength: EVENTS_MAX, size: 'max' })

test('whatever is killed, lost or doubled, nothing bad is served and everything converges', () => {
  fc.assert(
    fc.property(cast, history, (given, events) => {
      expect(playHistory(given, events)).toBeUndefined()
    }),
    { numRuns: HISTORIES },
  )
})
