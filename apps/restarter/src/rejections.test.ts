import { Channel, emptyChannel, type Rejection, sha256 } from '@drover/model-config'
import { expect, test } from 'vitest'
import { withRejection } from './rejections.ts'

/** Of what all servers read every few seconds. */
const CHANNEL_BYTES_MAX = 4 * 1024 * 1024

const rejection = (seq: number, count: number): Rejection => ({
  sha: sha256(`${seq}`),
  seq,
  kind: 'model',
  culprits: Array.from({ length: count }, (_, index) => ({
    name: `tenant-${index}.${'m'.repeat(60)}`,
    version: seq,
    digest: sha256(`${seq} ${index}`),
    reason: 'r'.repeat(1_024),
  })),
  why: 'w'.repeat(1_024),
  at: '2026-01-02T00:00:00.000Z',
})

test('a channel stays small however many models failed how often, and keeps the newest culprits', () => {
  let rejected: Rejection[] = []
  for (let seq = 1; seq <= 120; seq++) rejected = withRejection(rejected, rejection(seq, 1_000))

  const channel = Channel.parse({ ...emptyChannel('test'), rejected })
  expect(JSON.stringify(channel).length).toBeLessThan(CHANNEL_BYTES_MAX)
  expect(rejected.map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, at) => at + 21))
  expect(rejected.map(({ culprits }) => culprits.length).slice(-3)).toEqual([0, 1_000, 1_000])
})

test('a few culprits are kept with every rejection, their reasons short', () => {
  const first = withRejection([], rejection(1, 2))
  const both = withRejection(first, rejection(2, 1))

  expect(both.map(({ culprits }) => culprits.length)).toEqual([2, 1])
  expect(both[0]?.culprits[0]?.reason).toBe('r'.repeat(200))
})
