import { expect, test } from 'vitest'
import { findFailing } from './explore.ts'
import { FLEET_MUTANTS } from './fleet-mutants.ts'
import { MUTANTS } from './mutants.ts'
import { ROLL_MUTANTS } from './roll-mutants.ts'

const SEED = 1
const HISTORIES_MAX = 8_000

test.each(Object.entries({ ...MUTANTS, ...ROLL_MUTANTS }))(
  'it is found that %s',
  (_name, plans) => {
    const { failing } = findFailing({ seed: SEED, histories: HISTORIES_MAX, plans })

    expect(failing).toBeDefined()
  },
)

test.each(Object.entries(FLEET_MUTANTS))('it is found that %s', (_name, plans) => {
  const { failing } = findFailing({ seed: SEED, histories: HISTORIES_MAX, plans, onlyTwo: true })

  expect(failing).toBeDefined()
})
