import { expect, test } from 'vitest'
import { CASES } from './cases.ts'
import { playHistory } from './events.ts'
import { MUTANTS } from './mutants.ts'
import { WISH_CASES } from './wish-cases.ts'

const ALL = [...CASES, ...WISH_CASES]

test.each(ALL)('where %s all is well with the plans as they are', (_name, { cast, history }) => {
  expect(playHistory(cast, history)).toBeUndefined()
})

test.each(ALL.filter(([name]) => name in MUTANTS))(
  'where %s the mutant still breaks something',
  (name, { cast, history }) => {
    // Where it does not, what a number means has changed: the history has to be found again.
    expect(playHistory(cast, history, MUTANTS[name])).toBeDefined()
  },
)
