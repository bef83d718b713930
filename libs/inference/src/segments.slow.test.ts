// Operations on segments, parts of rows and gradients are answered as TensorFlow answers them, and refused where it refuses them.

import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { extremes } from './sample-extremes.ts'
import { faultsOf, partsOf } from './sample-faults.ts'
import { gradientCases } from './sample-gradients.ts'
import { stitchCases } from './sample-partitions.ts'
import { segmentCases } from './sample-segments.ts'
import { singleModel } from './sample-single.ts'

/** What is no number has no place in an order, and is not equal to itself. */
const MAY_REFUSE = /^(Unsorted)?Segment(Max|Min)$|^Unique/

const { tensorflow, folder } = await startAround()

test('segments are what TensorFlow makes of them', { timeout: 120_000 }, async () => {
  for (const part of partsOf([...segmentCases, ...stitchCases, ...gradientCases]))
    expect(await faultsOf(part, singleModel(part), { folder, tensorflow })).toEqual([])
})

test(
  'segments of nothing, and of what is infinite or no number, too',
  { timeout: 120_000 },
  async () => {
    const mayRefuse = (op: string): boolean => MAY_REFUSE.test(op)

    for (const part of partsOf(extremes([...segmentCases, ...gradientCases])))
      expect(await faultsOf(part, singleModel(part), { folder, tensorflow, mayRefuse })).toEqual([])
  },
)
