import { describe, expect, test } from 'vitest'
import { CASES } from './cases.ts'
import { playHistory } from './events.ts'
import { MUTANTS } from './mutants.ts'

describe.each(CASES)('where %s', (name, { cast, history }) => {
  test('all is well with the plans as they are', () => {
    expect(playHistory(cast, history)).toBeUndefined()
  })

  test.runIf(name in MUTANTS)('the mutant still breaks something', () => {
    // Where it does not, what a number means has changed: the history has to be found again.
    expect(playHistory(cast, history, MUTANTS[name])).toBeDefined()
  })
})
