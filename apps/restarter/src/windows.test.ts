import { describe, expect, test } from 'vitest'
import { openingAt, parseWindows } from './windows.ts'

const NIGHTS = '0 2 * * 1-5 Europe/Berlin 4h'
const DAILY = '0 2 * * * Europe/Berlin 4h'
const HALF_PAST = '30 2 * * * Europe/Berlin 1h'
const LATE = '0 22 * * * UTC 4h'

/** `open to` or `closed to`, and when that changes. */
function lineAt(list: string, at: string): string {
  const opening = openingAt(parseWindows(list), new Date(at))
  return opening.isOpen ? `open to ${opening.closesAt}` : `closed to ${opening.opensAt}`
}

describe('windows', () => {
  test.each([
    ['with none set', '', '2026-01-10T12:00:00Z', 'open to undefined'],
    ['before its beginning', NIGHTS, '2026-01-12T00:59:59Z', 'closed to 2026-01-12T01:00:00.000Z'],
    ['at its beginning', NIGHTS, '2026-01-12T01:00:00Z', 'open to 2026-01-12T05:00:00.000Z'],
    ['just before its end', NIGHTS, '2026-01-12T04:59:59Z', 'open to 2026-01-12T05:00:00.000Z'],
    ['at its end', NIGHTS, '2026-01-12T05:00:00Z', 'closed to 2026-01-13T01:00:00.000Z'],
    ['over a weekend', NIGHTS, '2026-01-17T02:00:00Z', 'closed to 2026-01-19T01:00:00.000Z'],
    ['in summer', NIGHTS, '2026-07-13T00:30:00Z', 'open to 2026-07-13T04:00:00.000Z'],
    [
      'when its beginning is skipped in spring, it begins an hour later',
      DAILY,
      '2026-03-29T00:30:00Z',
      'closed to 2026-03-29T01:00:00.000Z',
    ],
    ['and is no shorter', DAILY, '2026-03-29T04:59:00Z', 'open to 2026-03-29T05:00:00.000Z'],
    [
      'a beginning within the hour that is skipped comes right after it',
      HALF_PAST,
      '2026-03-29T00:59:00Z',
      'closed to 2026-03-29T01:00:00.000Z',
    ],
    [
      'when its beginning comes twice in autumn, it begins the first time',
      DAILY,
      '2026-10-25T00:00:00Z',
      'open to 2026-10-25T04:00:00.000Z',
    ],
    [
      'and not again the second time',
      HALF_PAST,
      '2026-10-25T01:30:00Z',
      'closed to 2026-10-26T01:30:00.000Z',
    ],
    ['over midnight', LATE, '2026-01-10T01:59:00Z', 'open to 2026-01-10T02:00:00.000Z'],
    ['after midnight is over', LATE, '2026-01-10T02:00:00Z', 'closed to 2026-01-10T22:00:00.000Z'],
    [
      'that overlap, to the end of the last',
      `${LATE}; 0 1 * * * UTC 3h`,
      '2026-01-10T23:00:00Z',
      'open to 2026-01-11T04:00:00.000Z',
    ],
    [
      'of which a short one lies in a long one',
      `${LATE};0 23 * * * UTC 30m`,
      '2026-01-10T23:10:00Z',
      'open to 2026-01-11T02:00:00.000Z',
    ],
    [
      'that follow on each other',
      `${LATE};0 2 * * * UTC 1h30m`,
      '2026-01-10T23:10:00Z',
      'open to 2026-01-11T03:30:00.000Z',
    ],
    ['that never close', '0 * * * * UTC 1h', '2026-01-10T23:10:00Z', 'open to undefined'],
    [
      'in two zones, the next of both',
      '0 2 * * * Asia/Tokyo 1h; 0 2 * * * UTC 1h',
      '2026-01-10T12:00:00Z',
      'closed to 2026-01-10T17:00:00.000Z',
    ],
  ])('%s', (_, list, at, line) => {
    expect(lineAt(list, at)).toBe(line)
  })

  test.each([
    ['0 2 * * 1-5 4h', /6 parts/],
    ['0 2 * * 1-5 Europe/Berlin', /6 parts/],
    ['0 25 * * * UTC 4h', /25/],
    ['0 2 * * * Europe/Berln 4h', /"Europe\/Berln" is no time zone/],
    ['0 2 * * * UTC 4', /"4" is no length/],
    ['0 2 * * * UTC h', /"h" is no length/],
    ['0 2 * * * UTC 0m', /"0m" is no length/],
    ['0 2 * * * UTC 169h', /seven days/],
    ['0 2 30 2 * UTC 4h', /never opens/],
    ['? 2 * * * UTC 4h', /says no time/],
    [`${LATE}; nonsense`, /"nonsense" has 1 parts/],
    [Array(51).fill(LATE).join(';'), /more than 50/],
  ])('%j is refused with what is wrong', (list, message) => {
    expect(() => parseWindows(list)).toThrow(message)
  })
})
