import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeFailure, explore } from './explore.ts'
import { tally } from './history.ts'

/** The long form, `npm run test:simulation`, plays so many steps however long that takes. */
const { DROVER_SIMULATION_STEPS } = process.env
const LONG_MS_MAX = 24 * 3_600_000
const SHORT_MS = 60_000
/** Fewer would mean that the simulation has become too slow to find anything. */
const HISTORIES_MIN = 10_000
const SEED_MAX = 2 ** 31

const bounds =
  DROVER_SIMULATION_STEPS === undefined
    ? { ms: SHORT_MS, steps: Infinity }
    : { ms: LONG_MS_MAX, steps: Number(DROVER_SIMULATION_STEPS) }

test(
  'histories that nobody has played before break nothing either',
  {
    timeout: 3 * bounds.ms,
  },
  () => {
    const seed = randomInt(SEED_MAX)

    const { failure, played } = explore({ seed, histories: Infinity, ...bounds })

    const { steps } = tally
    process.stdout.write(`${played} random histories, ${steps} steps, from seed ${seed}\n`)
    expect(failure && describeFailure(failure)).toBeUndefined()
    const isEnough = steps >= bounds.steps || played > HISTORIES_MIN
    expect(isEnough, 'too few histories').toBe(true)
  },
)
