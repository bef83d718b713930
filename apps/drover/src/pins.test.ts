import type { Audit } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import { eventsOfPins, heldBackOf, linesOfHeldBack, type Pin } from './pins.ts'

const day = (number: number): string => `2026-01-0${number}T00:00:00.000Z`

const pinAt = (number: number, changes: Partial<Pin> = {}): Pin => ({
  version: 2,
  born: 1,
  by: 'jo',
  why: 'too slow',
  at: day(number),
  ...changes,
})

/** A record of the pins of `acme`, with those before it. */
const recordOf = (seq: number, before: Record<string, Pin> | null, by = 'jo'): Audit => ({
  format: 1,
  object: 'controls/acme.json',
  seq,
  by,
  what: 'some change',
  why: `why ${seq}`,
  before: before && { seq: seq - 1, pins: JSON.parse(JSON.stringify(before)) },
  at: day(seq),
})

const versions = [4, 3, 2, 1].map((version) => ({ version, verdict: { pass: version !== 4 } }))

describe('what became of a model by pins', () => {
  test('a rollback that is over is told with its release, each with who and why', () => {
    const records = [recordOf(2, { late: pinAt(1) }, 'kim'), recordOf(1, null)]

    const events = eventsOfPins('acme.late', { born: 1, versions }, records)

    expect(events).toEqual([
      { at: day(1), what: 'rolled back by jo and pinned to version 2: too slow' },
      { at: day(2), what: 'released by kim: why 2' },
    ])
  })

  test('the pin that holds now is told once, also when its record is gone', () => {
    const pin = pinAt(1)

    const told = eventsOfPins('acme.late', { born: 1, pin, versions }, [recordOf(1, null)])
    const untold = eventsOfPins('acme.late', { born: 1, pin, versions }, [])

    expect(told).toHaveLength(1)
    expect(untold).toEqual(told)
  })

  test('what another model, another tenant or an earlier owner had is not told', () => {
    const records = [
      recordOf(1, null),
      recordOf(2, { eta: pinAt(1) }),
      recordOf(3, { late: pinAt(1) }),
      { ...recordOf(4, { late: pinAt(1, { born: 7 }) }), object: 'controls/bosch.json' },
      recordOf(4, {}),
    ]

    expect(eventsOfPins('acme.late', { born: 7, versions }, records)).toEqual([])
  })

  test('a rollback of the fleet says so', () => {
    const pin = pinAt(1, { undo: 9, version: 'none', by: 'person' })

    const [event] = eventsOfPins('acme.late', { born: 1, pin, versions }, [])

    expect(event?.what).toBe(
      'rolled back with the whole fleet by person and pinned to none, so that it is not served: too slow',
    )
  })
})

describe('what holds a model back', () => {
  test.each<[string, Pin | undefined, number[] | undefined, string[] | undefined]>([
    ['no pin', undefined, undefined, undefined],
    ['a pin', pinAt(1), [3], ['drover release acme.late']],
    [
      'a rollback of the fleet',
      pinAt(1, { undo: 9 }),
      [3],
      ['drover release acme.late', 'drover release --fleet'],
    ],
    [
      'a rollback of the fleet that knew no such model',
      pinAt(1, { undo: 9, version: 'none' }),
      [3, 2, 1],
      ['drover release acme.late', 'drover release --newcomers', 'drover release --fleet'],
    ],
  ])('%s: the versions that wait, and how they are released', (_, pin, waiting, release) => {
    const heldBack = heldBackOf('acme.late', { pin, versions })

    expect(heldBack?.waiting).toEqual(waiting)
    expect(heldBack?.release).toEqual(release)
  })

  test('a person reads by whom, since when, why, and what releases it', () => {
    const lines = linesOfHeldBack({ pin: pinAt(1), waiting: [3], release: ['drover release a.b'] })

    expect(lines).toEqual([
      `since ${day(1)} rolled back by jo and pinned to version 2: too slow`,
      'version 3 waits until it is released by: drover release a.b',
    ])
  })
})
