// Which row each value is of, and where rows begin and end: the bookkeeping of ragged tensors.

import type { NodeDef } from '../graph.ts'
import { numbersOf } from '../longs.ts'
import { boolOf, intsOf, typeOf } from '../node-attrs.ts'
import { integers, type Value } from '../values.ts'
import { ELEMENT_NS, elementsOf, integersAt } from './cost-parts.ts'
import { type Joint, JOINED_MAX, longsIn } from './joint.ts'

const isLong = (node: NodeDef, ...names: string[]): boolean =>
  names.every((name) => typeOf(node, name, 'DT_INT32') === 'DT_INT64')

/** How many rows there are; undefined where that is no number or too large. */
function countIn(value: Value | undefined): number | undefined {
  if (value?.dtype !== 'DT_INT64' || value.shape.length > 0) return undefined
  const [count = -1] = numbersOf(value.values)
  return count >= 0 && count <= JOINED_MAX ? count : undefined
}

function addTo(numbers: number[], at: number, value: number): void {
  numbers[at] = (numbers[at] ?? 0) + value
}

/** Where rows begin and end, by the number of the row of each value: as RowPartition has it. */
export const splitsOfRows: Joint = {
  shape: {
    op: 'ConcatV2',
    inputs: [
      [0],
      {
        op: 'Cumsum',
        inputs: [
          {
            op: 'UnsortedSegmentSum',
            inputs: [{ op: 'OnesLike', inputs: ['rows'] }, 'rows', 'count'],
          },
          0,
        ],
        isFitting: (node) => !['exclusive', 'reverse'].some((name) => boolOf(node, name, false)),
      },
      0,
    ],
  },
  given: ['rows', 'count'],
  run([rows, count]) {
    const [numbers, total] = [longsIn(rows), countIn(count)]
    if (numbers === undefined || total === undefined) return undefined
    const ends = Array.from({ length: total + 1 }, () => 0)
    for (const row of numbers) {
      if (row < 0 || row >= total) return undefined
      addTo(ends, row + 1, 1)
    }
    for (let row = 0; row < total; row++) addTo(ends, row + 1, ends[row] ?? 0)
    return integers('DT_INT64', [ends.length], ends)
  },
  cost: (inputs) =>
    8 *
    ELEMENT_NS *
    (2 + elementsOf(inputs.slice(0, 1)) + Math.max(0, integersAt(inputs, 1)[0] ?? 0)),
}

function isRising(numbers: readonly number[]): boolean {
  for (let index = 1; index < numbers.length; index++)
    if ((numbers[index] ?? 0) < (numbers[index - 1] ?? 0)) return false
  return true
}

/** The number of the row of each value, by where rows begin and end. */
export const rowsOfSplits: Joint = {
  shape: {
    op: 'Sub',
    inputs: [
      {
        op: 'Squeeze',
        inputs: [
          {
            op: 'UpperBound',
            inputs: [
              { op: 'ExpandDims', inputs: ['splits', 0] },
              {
                op: 'ExpandDims',
                inputs: [
                  {
                    op: 'Range',
                    inputs: [0, { op: 'Size', inputs: ['values'] }, 1],
                    isFitting: (node) => isLong(node, 'Tidx'),
                  },
                  0,
                ],
              },
            ],
            isFitting: (node) => isLong(node, 'out_type'),
          },
        ],
        isFitting: (node) => String(intsOf(node, 'squeeze_dims', [])) === '0',
      },
      1,
    ],
  },
  given: ['splits', 'values'],
  run([splits, values]) {
    const ends = longsIn(splits)
    if (ends === undefined || values === undefined || !isRising(ends)) return undefined
    const rows: number[] = []
    let row = -1
    for (let at = 0; at < values.values.length; at++) {
      while ((ends[row + 1] ?? Infinity) <= at) row++
      rows.push(row)
    }
    return integers('DT_INT64', [rows.length], rows)
  },
  cost([splits, values]) {
    const [rows, count] = [splits?.values.length ?? 0, values?.values.length ?? 0]
    return ELEMENT_NS * (8 + Math.log2(1 + rows)) * (1 + rows + count)
  },
}
