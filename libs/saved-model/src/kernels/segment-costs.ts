// What it costs to choose rows and to reduce segments of them.

import type { NodeDef } from '../graph.ts'
import type { Value } from '../values.ts'
import {
  all,
  type Cost,
  each,
  elementsOf,
  filled,
  integersAt,
  MOVED_NS,
  segmentsLength,
  shapeAt,
  sized,
} from './cost-parts.ts'
import { boundAt } from './ragged-parts.ts'

/** An element that is looked up among those before it, or whose place is worked out. */
const LOOKED_UP_NS = 100

const looked: Cost = (inputs) => all(inputs) + elementsOf(inputs) * LOOKED_UP_NS
const placed: Cost = (inputs) =>
  all(inputs) + elementsOf(inputs) * LOOKED_UP_NS * (1 + shapeAt(inputs, 0).length)

/** As many rows as the last segment says, or as are asked for. */
const sorted = (segments: number, count?: number): Cost =>
  sized((inputs) => {
    const asked = count === undefined ? [] : integersAt(inputs, count)
    const rows = asked[0] ?? (integersAt(inputs, segments).at(-1) ?? 0) + 1
    const data = shapeAt(inputs, 0)
    const taken = filled(shapeAt(inputs, segments))
    return (Math.max(1, rows) + taken) * filled(data.slice(1))
  }, LOOKED_UP_NS)

function rangesLength(inputs: readonly Value[]): number {
  const [starts = [], limits = [], steps = []] = [0, 1, 2].map((at) => integersAt(inputs, at))
  const rows = Math.max(starts.length, limits.length, steps.length)
  let length = rows
  for (let row = 0; row < rows; row++) {
    const step = boundAt(steps, row)
    if (step !== 0) length += Math.max(0, (boundAt(limits, row) - boundAt(starts, row)) / step)
  }
  return length
}

/** Each index may take the longest row, which is no longer than all values. */
const gatheredRows: Cost = (inputs) => {
  const [values = [], indices = []] = [inputs.length - 2, inputs.length - 1].map((at) =>
    shapeAt(inputs, at),
  )
  return looked(inputs) + filled(values) * filled(indices) * MOVED_NS
}

/** By TensorFlow's names. */
export const segmentCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  ...each(
    () => sorted(1),
    ['SegmentMax', 'SegmentMean', 'SegmentMin', 'SegmentProd', 'SegmentSum'],
  ),
  ...each(() => sorted(2), ['SparseSegmentMean', 'SparseSegmentSqrtN', 'SparseSegmentSum']),
  ...each(
    () => sorted(2, 3),
    ['Mean', 'SqrtN', 'Sum'].map((way) => `SparseSegment${way}WithNumSegments`),
  ),
  ...each(
    () => sized(segmentsLength),
    ['UnsortedSegmentMax', 'UnsortedSegmentMin', 'UnsortedSegmentProd'],
  ),
  ...each(() => looked, ['Unique', 'UniqueV2', 'UniqueWithCounts', 'UniqueWithCountsV2']),
  InTopKV2: () => all,
  RaggedGather: () => gatheredRows,
  RaggedRange: () => sized(rangesLength),
  RaggedTensorToSparse: () => (inputs) => {
    const values = shapeAt(inputs, inputs.length - 1)
    return all(inputs) + filled(values) * LOOKED_UP_NS * (inputs.length + values.length)
  },
  Roll: () => placed,
}
