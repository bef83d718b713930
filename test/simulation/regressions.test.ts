import { expect, test } from 'vitest'
import { CASES } from './cases.ts'
import { playHistory } from './events.ts'
import { FLEET_CASES } from './fleet-cases.ts'
import { FLEET_MUTANTS } from './fleet-mutants.ts'
import { MUTANTS } from './mutants.ts'
import { ROLL_CASES } from './roll-cases.ts'
import { SELDOM_MUTANTS } from './roll-mutants.ts'
import { WISH_CASES } from './wish-cases.ts'

const ALL = [...CASES, ...WISH_CASES, ...FLEET_CASES, ...ROLL_CASES]
const BROKEN = { ...MUTANTS, ...FLEET_MUTANTS, ...SELDOM_MUTANTS }

test.each(ALL)('where %s all is well with the plans as they are', (_name, { cast, history }) => {
  expect(playHistory(cast, history)).toBeUndefined()
})

test.each(ALL.filter(([name]) => name in BROKEN))(
  'where %s the mutant still breaks something',
  (name, { cast, history }) => {
    // Where it does not, what a number means has changed: the history has to be found again.
    expect(playHistory(cast, history, BROKEN[name])).toBeDefined()
  },
)
