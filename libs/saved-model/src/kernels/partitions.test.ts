import { expect, test } from 'vitest'
import { attr } from '../graph.ts'
import { refusalOrNone } from '../refusal.fixture.ts'
import { numbers, texts, type Value } from '../values.ts'
import { partitionKernels } from './partitions.ts'

const ints = (values: number[], shape = [values.length]): Value =>
  numbers('DT_INT32', shape, values)
const floats = (values: number[], shape = [values.length]): Value =>
  numbers('DT_FLOAT', shape, values)

function run(op: string, attrs: Record<string, number>, inputs: readonly Value[]): Value[] {
  const given = Object.entries(attrs).map(([name, value]) => [name, attr.int(value)])
  const node = {
    name: 'y',
    op,
    inputs: [],
    attrs: { ...Object.fromEntries(given), T: attr.type(inputs.at(-1)?.dtype ?? 'DT_FLOAT') },
  }
  return partitionKernels[op]?.(node)(inputs) ?? []
}

test('places that nothing is put in hold nothing', () => {
  expect(run('DynamicStitch', { N: 1 }, [ints([2]), floats([5])])).toEqual([floats([0, 0, 5])])
  expect(run('DynamicStitch', { N: 1 }, [ints([1]), texts([1], ['a'])])).toEqual([
    texts([2], ['', 'a']),
  ])
})

test.each<[string, string, Record<string, number>, readonly Value[], string]>([
  [
    'a partition that is not there',
    'DynamicPartition',
    { num_partitions: 2 },
    [floats([1]), ints([2])],
    'INVALID_INPUT: there is no partition 2 of 2',
  ],
  [
    'one below zero',
    'DynamicPartition',
    { num_partitions: 2 },
    [floats([1]), ints([-1])],
    'INVALID_INPUT: there is no partition -1 of 2',
  ],
  [
    'rows of another number',
    'DynamicPartition',
    { num_partitions: 2 },
    [floats([1, 2]), ints([0])],
    'INVALID_INPUT: [2] does not begin with [1]',
  ],
  [
    'no partition at all',
    'DynamicPartition',
    { num_partitions: 0 },
    [floats([]), ints([])],
    'UNTRANSLATABLE: DynamicPartition (node y): it has 0 outputs',
  ],
  [
    'a place below zero',
    'DynamicStitch',
    { N: 1 },
    [ints([0, -1]), floats([1, 2])],
    'INVALID_INPUT: there is no place -1',
  ],
  [
    'a place that takes all memory',
    'DynamicStitch',
    { N: 1 },
    [ints([2 ** 31 - 1]), floats([1])],
    'INVALID_INPUT: a tensor of shape [2147483648] cannot be made',
  ],
  [
    'rows of two sizes',
    'DynamicStitch',
    { N: 2 },
    [ints([0]), ints([1]), floats([1, 2], [1, 2]), floats([1])],
    'INVALID_INPUT: rows of DT_FLOAT [2] were expected',
  ],
  [
    'places without rows',
    'DynamicStitch',
    { N: 2 },
    [ints([0]), ints([1]), floats([1])],
    'INVALID_INPUT: inputs are missing',
  ],
  [
    'texts on several threads',
    'ParallelDynamicStitch',
    { N: 1 },
    [ints([0]), texts([1], ['a'])],
    'UNTRANSLATABLE: ParallelDynamicStitch (node y): it works on DT_STRING',
  ],
])('%s is refused', (_name, op, attrs, inputs, refusal) => {
  expect(refusalOrNone(() => run(op, attrs, inputs))).toBe(refusal)
})
