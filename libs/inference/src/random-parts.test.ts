// Requests in parts, on graphs by chance: the parts one after the other are the whole.
//
// DROVER_RANDOM_SEED: a seed as a failure tells it, or `clock` for other graphs.
// DROVER_RANDOM_GRAPHS: how many.

import { expect, test } from 'vitest'
import { randomGraph, randomRows } from './random-graphs.fixture.ts'
import { bySlices, surveyParts } from './random-parts.fixture.ts'

const { DROVER_RANDOM_SEED: given = '7', DROVER_RANDOM_GRAPHS: wanted = '30' } = process.env
const numRuns = Number(wanted)
const seed = given === 'clock' ? Date.now() % 2 ** 31 : Number(given)
const OPS_MIN = 50
const TEST_MS_MAX = 1_800_000

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
