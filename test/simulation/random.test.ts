import { expect, test } from 'vitest'
import { describeFailure, explore } from './explore.ts'

/** The same histories each time, so that it is a change that breaks it. The slow form draws others. */
const SEED = 1
const HISTORIES = 1_500

test(
  'whatever is killed, lost or doubled, nothing bad is served and everything converges',
  {
    timeout: 60_000,
  },
  () => {
    const { failure } = explore({ seed: SEED, histories: HISTORIES })

    expect(failure && describeFailure(failure)).toBeUndefined()
  },
)
