// Requests in parts, on graphs by chance: the parts one after the other are the whole.
// See random-settings.fixture.ts for others than these.

import { expect, test } from 'vitest'
import { randomGraph, randomRows } from './random-graphs.fixture.ts'
import { bySlices, surveyParts } from './random-parts.fixture.ts'
import { settingsOr, TEST_MS_MAX } from './random-settings.fixture.ts'

const { seed, graphs: numRuns } = settingsOr(process.env, [7, 30])
const OPS_MIN = 50

test(
  `rows by chance give in slices what they give whole: seed ${seed}`,
  async () => {
    const judged = { graphs: randomRows, judge: bySlices }
    const { counts, ops, fault } = await surveyParts(judged, { seed, numRuns })

    expect(fault).toBeUndefined()
    expect(Math.min(counts.rows, counts.elements)).toBeGreaterThan(numRuns / 2)
    expect(ops.size).toBeGreaterThan(OPS_MIN)
  },
  TEST_MS_MAX,
)

test(
  `graphs by chance give in slices what they give whole, where they may be sliced: seed ${seed}`,
  async () => {
    const judged = { graphs: randomGraph, judge: bySlices }
    const { counts, fault } = await surveyParts(judged, { seed, numRuns })

    expect(fault).toBeUndefined()
    expect(counts.elements).toBeGreaterThan(numRuns / 10)
  },
  TEST_MS_MAX,
)
