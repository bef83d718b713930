import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { openBundle, shardsInMemory, writeBundle } from './bundle/index.ts'
import { CheckpointValues } from './checkpoint-values.ts'
import { refusalOrNone } from './refusal.fixture.ts'

const TABLE = floatTensor([1, 2, 3, 4, 5, 6], [3, 2])
const node = { name: 'w', op: 'VariableV2', inputs: [], attrs: {} }

/** What the parts of one variable are. */
function partsOf(slices: readonly string[], table: Tensor = TABLE): Tensor[] {
  const { index, data } = writeBundle(new Map([['table', table]]))
  const checkpoint = openBundle(
    index,
    shardsInMemory(() => data),
  )
  const values = new CheckpointValues({ checkpoint })
  return slices.map((slice) => values.read(node, { key: 'table', slice }))
}

test.each<[string, Tensor, readonly string[], readonly Tensor[]]>([
  [
    'rows',
    TABLE,
    ['3 2 0,2:0,2', '3 2 2,1:-'],
    [floatTensor([1, 2, 3, 4], [2, 2]), floatTensor([5, 6], [1, 2])],
  ],
  [
    'columns',
    TABLE,
    ['3 2 -:0,1', '3 2 -:1,1'],
    [floatTensor([1, 3, 5], [3, 1]), floatTensor([2, 4, 6], [3, 1])],
  ],
  ['all of it', TABLE, ['3 2 -:-'], [TABLE]],
  ['places', TABLE, ['3 2 1,2:1,1'], [floatTensor([4, 6], [2, 1])]],
  [
    'texts',
    stringTensor(['a', 'b', 'c']),
    ['3 0,2', '3 2,1'],
    [stringTensor(['a', 'b']), stringTensor(['c'])],
  ],
])('parts are %s of what is stored', (_name, table, slices, parts) => {
  expect(partsOf(slices, table)).toEqual(parts)
})

test.each([
  '3 2',
  '3 2 0,2',
  '3 2 0,2:0,3',
  '3 2 0,2:2,1',
  '3 2 0,0:-',
  '3 2 -1,1:-',
  '3 2 0,1,1:-',
  '3 2 0:-',
  '3  -:-',
  '2 3 -:-',
  '6 -',
  'x y -:-',
  ' ',
])('no part of a variable is %j', (slice) => {
  expect(refusalOrNone(() => partsOf([slice]))).toBe(
    `UNTRANSLATABLE: VariableV2 (node w): ${slice} is no part of a variable of [3, 2]`,
  )
})

test('parts that are more than the variable are refused: each could be as large', () => {
  expect(refusalOrNone(() => partsOf(['3 2 0,2:-', '3 2 1,2:-']))).toBe(
    'UNTRANSLATABLE: VariableV2 (node w): its parts are larger than it',
  )
})
