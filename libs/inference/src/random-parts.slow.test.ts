// Rows by chance: one request with all of them is answered as one request for each.
// See random-settings.fixture.ts for others than these.

import { afterAll, expect, test } from 'vitest'
import { randomRows } from './random-graphs.fixture.ts'
import { byRequests, surveyParts } from './random-parts.fixture.ts'
import { settingsOr, TEST_MS_MAX } from './random-settings.fixture.ts'
import { startFolder } from './sample-folder.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const { seed, graphs: numRuns } = settingsOr(process.env, [9, 100])

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
