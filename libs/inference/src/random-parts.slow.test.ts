// Rows by chance: one request with all of them is answered as one request for each.
//
// DROVER_RANDOM_SEED and DROVER_RANDOM_GRAPHS: see random-parts.test.ts.

import { afterAll, expect, test } from 'vitest'
import { randomRows } from './random-graphs.fixture.ts'
import { byRequests, surveyParts } from './random-parts.fixture.ts'
import { startFolder } from './sample-folder.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const { DROVER_RANDOM_SEED: given = '9', DROVER_RANDOM_GRAPHS: wanted = '100' } = process.env
const numRuns = Number(wanted)
const seed = given === 'clock' ? Date.now() % 2 ** 31 : Number(given)
const TEST_MS_MAX = 1_800_000

const tensorflow = startTensorflowHost()
const folder = await startFolder()

afterAll(async () => {
  await tensorflow[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test(
  `a request of many rows is answered as one for each row: seed ${seed}`,
  async () => {
    const judged = { graphs: randomRows, judge: byRequests({ tensorflow, folder }) }
    const { counts, fault } = await surveyParts(judged, { seed, numRuns })

    expect(fault).toBeUndefined()
    expect(counts.rows).toBeGreaterThan(numRuns)
  },
  TEST_MS_MAX,
)
