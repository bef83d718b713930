import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { makeHome, processesOf, type Ran, runDrover } from '../support/local.ts'

const RUN_MS_MAX = 10 * 60_000
const SERVED_MIN = 12

const Result = z.strictObject({
  tenants: z.array(z.string()),
  served: z.array(z.string()),
  rejected: z.array(z.string()),
  seconds: z.number().positive(),
  predictions: z.array(
    z.object({
      server: z.string(),
      prediction: z.object({ label: z.enum(['late', 'on-time']), scores: z.array(z.number()) }),
    }),
  ),
})

describe('drover up --once --json', () => {
  let home: string
  let first: Ran
  let again: Ran

  beforeAll(async () => {
    home = await makeHome()
    first = await runDrover(home, 'up', '--once', '--json')
    again = await runDrover(home, 'up', '--once', '--json')
  }, RUN_MS_MAX)

  afterAll(async () => await rm(home, { recursive: true, force: true }))

  test('serves at least 12 of the 20 airports and rejects the rest', () => {
    expect(first.code, first.stderr).toBe(0)
    const { tenants, served, rejected } = Result.parse(JSON.parse(first.stdout))

    expect(tenants).toHaveLength(20)
    expect(served.length).toBeGreaterThanOrEqual(SERVED_MIN)
    expect([...served, ...rejected].toSorted()).toEqual(tenants.toSorted())
  })

  test('gives a prediction of each server, and both say the same', () => {
    const { predictions } = Result.parse(JSON.parse(first.stdout))

    expect(predictions.map(({ server }) => server)).toEqual(['tf-server-1', 'tf-server-2'])
    expect(predictions[0]?.prediction).toEqual(predictions[1]?.prediction)
  })

  test('says of each rejected airport by how much it missed', () => {
    const { rejected } = Result.parse(JSON.parse(first.stdout))

    for (const tenant of rejected) {
      const line = first.stderr.split('\n').find((each) => each.includes(`  ${tenant}  rejected`))
      expect(line, tenant).toMatch(/log loss \d\.\d+.* prior \d\.\d+/)
    }
  })

  test('trains nothing twice when it is started again on what is on disk', () => {
    expect(again.code, again.stderr).toBe(0)
    const [before, after] = [first, again].map(({ stdout }) => Result.parse(JSON.parse(stdout)))

    expect(after?.served.toSorted()).toEqual(before?.served.toSorted())
    expect(first.stderr).toContain('  training')
    expect(again.stderr).not.toContain('  training')
  })

  test('leaves no process behind', async () => {
    expect(await processesOf(home)).toEqual([])
  })
})
