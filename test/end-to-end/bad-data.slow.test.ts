import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { Quality } from '@drover/model-config'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { askAll, askAllTheTime } from '../support/ask.ts'
import { getTenant } from '../support/call.ts'
import { groupOf, type LocalDrover, startLocalDrover } from '../support/local.ts'
import { onboardLate, settle, startNeighbour, writeRows } from '../support/models.ts'
import { FLIGHTS, HEADER, makeCsv, makeRows, ROW } from '../support/rows.ts'

const TEST_MS_MAX = 120_000
const GIGABYTE = 1_000_000_000
const LONG_FIELD_BYTES = 100_000_000
/** What TensorFlow takes by itself when it is loaded, and room for rows that are being read. */
const RESIDENT_KIB_MAX = 700 * 1024

/** What the scheduler says of a tenant's model `late`. */
const Trained = z.object({
  models: z.object({ late: z.object({ newest: z.object({ quality: Quality }) }) }),
})

let drover: LocalDrover
/** Another tenant, which must be answered whatever anybody sends. */
let expectNeighbourAnswered: () => Promise<void>

beforeAll(async () => {
  drover = await startLocalDrover()
  expectNeighbourAnswered = await startNeighbour(drover)
}, TEST_MS_MAX)

afterAll(async () => await drover[Symbol.asyncDispose]())

/** Rows of which one is another. */
const rowsWith = (row: string): string => makeCsv(makeRows().toSpliced(49, 1, row))

describe('a file that cannot be trained on is named with its row', () => {
  test.each([
    [
      'a word for a number',
      rowsWith('7,far,late'),
      'line 51: distance is "far", which is not a number',
    ],
    ['a field too few', rowsWith('7,100'), 'line 51: the row has 2 fields and the header 3'],
    ['an open quote', rowsWith('7,"100,late'), 'line 51: the row has a quote that is never closed'],
    ['no label', rowsWith('7,100,'), 'line 51: the label late is empty'],
    ['nothing', '', 'the file is empty'],
    ['no rows', `${HEADER}\n`, 'the file has a header but no rows'],
    [
      'one class',
      makeCsv(makeRows().filter((row) => row.endsWith(',late'))),
      'every row has the label "late"; it takes two classes',
    ],
    [
      'other columns',
      makeCsv(makeRows(), 'hour,miles,late'),
      'line 1: there is no column distance; there is "hour", "miles", "late"',
    ],
  ])('%s', { timeout: TEST_MS_MAX }, async (what, csv, text) => {
    const tenant = what.replaceAll(' ', '-')
    const path = await writeRows(drover, `${tenant}.csv`, csv)

    const { code, stage, note } = await settle(drover, ...onboardLate(tenant, path))
    const why = await drover.run('why', tenant)

    expect({ code, stage, note }).toEqual({
      code: 7,
      stage: 'failed',
      note: `data: ${tenant}.csv: ${text}`,
    })
    expect(why.stdout).toContain(`run failed (data): ${tenant}.csv: ${text}`)
    await expectNeighbourAnswered()
  })
})

describe('a label that training never saw', () => {
  test(
    'in the rows that judge it costs the model its score there, and not its judgement',
    { timeout: TEST_MS_MAX },
    async () => {
      // One row of its own class: whichever fold holds it out, no other row has the label.
      const path = await writeRows(drover, 'rare.csv', rowsWith('7,100,diverted'))

      const { code } = await settle(drover, ...onboardLate('rare', path))
      const { models } = await getTenant(drover, 'rare', Trained)
      const { quality } = models.late.newest
      const answers = await askAll(drover, 'rare.late', ROW)

      expect(code).toBe(0)
      expect(quality).toMatchObject({ rows: 200, classes: 3, heldOut: 'folds' })
      expect(quality.logLoss).toBeGreaterThan(0)
      expect(quality.logLoss).toBeLessThan(quality.priorLogLoss)
      const label = expect.stringMatching(/^(diverted|late|on-time)$/)
      expect(answers[0]).toEqual({ label, scores: Array(3).fill(expect.any(Number)) })
      expect(answers[1]).toEqual(answers[0])
      await expectNeighbourAnswered()
    },
  )

  test(
    'comes with new data as a version of one class more, and the old one serves until then',
    { timeout: TEST_MS_MAX },
    async () => {
      const before = await writeRows(drover, 'before.csv', makeCsv())
      const after = await writeRows(drover, 'after.csv', rowsWith('7,100,diverted'))
      await settle(drover, ...onboardLate('grows', before))
      const stop = askAllTheTime(drover.up.servers[0]?.rest ?? '', 'grows.late', ROW)

      const { code, note } = await settle(drover, ...onboardLate('grows', after))

      expect(Object.keys(await stop())).toEqual(['200'])
      expect({ code, note }).toEqual({ code: 0, note: expect.stringContaining('version 2 on 2') })
      const scores = Array(3).fill(expect.any(Number))
      expect(await askAll(drover, 'grows.late', ROW)).toMatchObject([{ scores }, { scores }])
      await expectNeighbourAnswered()
    },
  )

  test(
    'is a value of a column only: such a row is answered',
    { timeout: TEST_MS_MAX },
    async () => {
      const columns = { hour: { type: 'category' }, distance: { type: 'number' } }
      const path = await writeRows(drover, 'category.csv', makeCsv())
      await settle(drover, ...onboardLate('category', path, { ...FLIGHTS, columns }))

      const never = await askAll(drover, 'category.late', { hour: 'midnight', distance: 500 })
      const other = await askAll(drover, 'category.late', { hour: '\u0000', distance: 500 })
      const known = await askAll(drover, 'category.late', { hour: '3', distance: 500 })

      expect(never[0]).toMatchObject({ label: expect.stringMatching(/^(late|on-time)$/) })
      expect(other).toEqual([never[0], never[0]])
      expect(known).not.toEqual(never)
      await expectNeighbourAnswered()
    },
  )
})

/** The most memory that the scheduler or its trainer ever had, in KiB. */
async function residentOf(): Promise<number> {
  const pids = await groupOf(await drover.pidOf('/trainer-scheduler/'))
  // The scheduler itself and a warm training process.
  expect(pids.length).toBeGreaterThan(1)
  const peaks = pids.map((pid) =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
  )
  return Math.max(...peaks)
}

describe('one field', () => {
  /** A file whose third line never ends. It has holes: nothing is written for its size. */
  async function writeLongField(name: string, sizeBytes: number): Promise<string> {
    const path = join(drover.home, name)
    const file = await open(path, 'w')
    await file.write(`${HEADER}\n7,100,late\n7,`)
    await file.truncate(sizeBytes)
    await file.close()
    return path
  }

  test(
    'of 1 GB is refused by its size, in bounded memory, while others are answered',
    { timeout: TEST_MS_MAX },
    async () => {
      const path = await writeLongField('huge.csv', GIGABYTE)
      const stop = askAllTheTime(drover.up.servers[0]?.rest ?? '', 'neighbour.late', ROW)

      const { code, stderr } = await drover.run(...onboardLate('huge', path))

      expect(code).toBe(2)
      expect(stderr).toContain(`huge.csv has ${GIGABYTE} bytes`)
      expect(await residentOf()).toBeLessThan(RESIDENT_KIB_MAX)
      expect(Object.keys(await stop())).toEqual(['200'])
      await expectNeighbourAnswered()
    },
  )

  test(
    'of a file that may be trained on is refused by its row, in bounded memory',
    { timeout: TEST_MS_MAX },
    async () => {
      const path = await writeLongField('long.csv', LONG_FIELD_BYTES)

      const { code, note } = await settle(drover, ...onboardLate('long', path))

      expect(code).toBe(7)
      expect(note).toContain('long.csv: line 3: the row has more than 1048576 characters')
      expect(await residentOf()).toBeLessThan(RESIDENT_KIB_MAX)
      await expectNeighbourAnswered()
    },
  )

  test('of more than an upload may have is refused before it is sent', async () => {
    const digest = 'a'.repeat(64)
    const sent = request(`${drover.up.trainerScheduler}/v1/data/huge/late/${digest}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${drover.up.token}`, 'content-length': `${2 * GIGABYTE}` },
      agent: false,
    })
    sent.flushHeaders()
    const [response] = await once(sent, 'response')

    expect(response.statusCode).toBe(413)
    expect(await json(response)).toEqual({ error: 'an upload may have 1073741824 bytes at most' })
    sent.destroy()
    await expectNeighbourAnswered()
  })
})
