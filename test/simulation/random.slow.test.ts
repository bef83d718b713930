import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeFailure, explore } from './explore.ts'

const HISTORIES = 200_000
const MS_MAX = 60_000
/** Fewer would mean that the simulation has become too slow to find anything. */
const HISTORIES_MIN = 10_000
const SEED_MAX = 2 ** 31

test(
  'histories that nobody has played before break nothing either',
  {
    timeout: 3 * MS_MAX,
  },
  () => {
    const seed = randomInt(SEED_MAX)

    const { failure, played } = explore({ seed, histories: HISTORIES, ms: MS_MAX })

    process.stdout.write(`${played} random histories from seed ${seed}\n`)
    expect(failure && describeFailure(failure)).toBeUndefined()
    expect(played).toBeGreaterThan(HISTORIES_MIN)
  },
)
