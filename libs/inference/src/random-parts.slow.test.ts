// Rows by chance: one request with all of them is answered as one request for each.
// See random-settings.fixture.ts for others than these.

import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { randomRows } from './random-graphs.fixture.ts'
import { byRequests, surveyParts } from './random-parts.fixture.ts'
import { settingsOr, TEST_MS_MAX } from './random-settings.fixture.ts'

const { seed, graphs: numRuns } = settingsOr(process.env, [9, 100])

const { tensorflow, folder } = await startAround()

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
