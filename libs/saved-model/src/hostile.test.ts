import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LARGE, refusalOfModel, UNSOUND } from './hostile.fixture.ts'

/** Of the processor, since others wait for it too. */
const MS_MAX = 1_000

/** What is said of a model, which is to be said soon. */
function refusalSoon(bytes: Uint8Array): string {
  const start = process.cpuUsage()
  const refusal = refusalOfModel(bytes)
  expect(process.cpuUsage(start).user / 1_000).toBeLessThan(MS_MAX)
  return refusal
}

describe('refused by name, and soon:', () => {
  test.each(Object.entries(UNSOUND))('%s', (_name, [make, refusal]) => {
    expect(refusalSoon(make())).toMatch(refusal)
  })
})

test.each(Object.keys({ ...UNSOUND, ...LARGE }))('docs/robustness.md has %s', (name) => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/robustness.md'), 'utf8')

  expect(page.replaceAll(/\s+/g, ' ')).toContain(name)
})
