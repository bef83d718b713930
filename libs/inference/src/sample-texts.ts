// What operations on texts, and on rows of different lengths, are tried on.

import { attr } from '@drover/saved-model'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { BOOL, FLOAT, INT32, INT64, of, STRING } from './sample-case.ts'
import { type Case, fixed } from './sample-slices.ts'
import { bool, int32, int64 } from './sample-tensors.ts'

const text = { type: 'DT_STRING', T: STRING } as const
const UTF8 = { encoding: attr.string('utf-8') }
const LETTERS = stringTensor(['straße ÀÉ', '  a\tB\n', '', 'ﬁ', 'z'], [5])
const NUMBERS = stringTensor([' 12', '-7 ', '003', '0'], [2, 2])

const printed = (operand: Tensor, T: typeof INT32): Case =>
  of('AsString', [operand], { ...text, T })
const read = (texts: Tensor, out: typeof INT32, type: Case['type']): Case =>
  of('StringToNumber', [texts], { type, T: STRING, attrs: { out_type: out } })

/** Of numbers that are none or outside as well. */
const counted = (operands: Case['operands'], isBinary = false, type = FLOAT): Case =>
  of('DenseBincount', operands, {
    T: type,
    type: type === FLOAT ? 'DT_FLOAT' : 'DT_INT64',
    attrs: { Tidx: INT64, binary_output: attr.bool(isBinary) },
  })
const countedRows = (operands: Case['operands'], isBinary = false): Case =>
  of('RaggedBincount', operands, { attrs: { Tidx: INT64, binary_output: attr.bool(isBinary) } })

const SPLITS = attr.strings(['ROW_SPLITS'])
const IDS = attr.strings(['FIRST_DIM_SIZE', 'VALUE_ROWIDS'])
const toTensor = (
  types: typeof SPLITS,
  operands: Case['operands'],
  { T = FLOAT, type = 'DT_FLOAT' }: { T?: typeof FLOAT; type?: Case['type'] } = {},
): Case =>
  of('RaggedTensorToTensor', operands, {
    T,
    type,
    attrs: {
      Tindex: INT64,
      Tshape: INT64,
      num_row_partition_tensors: attr.int(types === SPLITS ? 1 : 2),
      row_partition_types: types,
    },
  })

const long = (value: number): Tensor => int64([value], [])
const zero = floatTensor([0], [])
const values = floatTensor([1, 2, 3, 4, 5])
const splits = int64([0, 2, 2, 5])
const rowIds = int64([0, 0, 2, 2, 2])

/** Texts in other forms, numbers counted, and rows made equally long. */
export const textCases: readonly Case[] = [
  of('StringUpper', [LETTERS], { ...text, attrs: UTF8 }),
  of('StringUpper', [LETTERS], text),
  of('StringStrip', [LETTERS], text),
  of('StringLength', [LETTERS], { type: 'DT_INT32', T: STRING }),
  of('StringLength', [LETTERS], {
    type: 'DT_INT32',
    T: STRING,
    attrs: { unit: attr.string('UTF8_CHAR') },
  }),
  ...['[a-z]+', 'z', '[^a-z]+'].map((pattern) =>
    of('StaticRegexFullMatch', [LETTERS], {
      type: 'DT_BOOL',
      T: STRING,
      attrs: { pattern: attr.string(pattern) },
    }),
  ),
  printed(int32([-3, 0, 7]), INT32),
  printed(int64([-(2n ** 63n), 12]), INT64),
  printed(bool([1, 0]), BOOL),
  read(NUMBERS, INT32, 'DT_INT32'),
  read(NUMBERS, INT64, 'DT_INT64'),
  read(stringTensor(['9223372036854775807']), INT64, 'DT_INT64'),
  counted([int64([1, 1, 5, 0]), fixed(long(4)), fixed(floatTensor([]))]),
  counted([int64([1, 1, 5, 0], [2, 2]), fixed(long(4)), fixed(floatTensor([]))]),
  counted([int64([1, 1, 5, 0], [2, 2]), fixed(long(4)), fixed(floatTensor([]))], true),
  counted([int64([1, 1, 5, 0], [2, 2]), fixed(long(4)), fixed(int64([]))], false, INT64),
  counted([int64([1, 1, 5, 0], [2, 2]), fixed(long(4)), floatTensor([1, 2, 3, 4], [2, 2])]),
  counted([int64([], [0, 2]), fixed(long(3)), fixed(floatTensor([]))]),
  counted([int64([1]), fixed(long(0)), fixed(floatTensor([]))]),
  countedRows([splits, int64([1, 1, 5, 0, 2]), fixed(long(4)), fixed(floatTensor([]))]),
  countedRows([splits, int64([1, 1, 5, 0, 0]), fixed(long(4)), fixed(floatTensor([]))], true),
  countedRows([splits, int64([1, 1, 5, 0, 2]), fixed(long(4)), floatTensor([1, 2, 3, 4, 5])]),
  toTensor(SPLITS, [fixed(int64([-1, -1])), values, fixed(zero), splits]),
  toTensor(SPLITS, [fixed(int64([-1, 2])), values, fixed(zero), splits]),
  toTensor(SPLITS, [fixed(int64([4, 4])), values, fixed(floatTensor([9], [])), splits]),
  toTensor(SPLITS, [fixed(int64([2, -1])), values, fixed(zero), splits]),
  toTensor(SPLITS, [fixed(long(-1)), values, fixed(zero), splits]),
  toTensor(SPLITS, [
    fixed(int64([-1, -1, 2])),
    floatTensor([1, 2, 3, 4, 5, 6], [3, 2]),
    fixed(zero),
    int64([0, 1, 3]),
  ]),
  toTensor(
    SPLITS,
    [
      fixed(int64([-1, -1])),
      stringTensor(['a', 'b', 'c']),
      fixed(stringTensor(['-'], [])),
      int64([0, 1, 3]),
    ],
    { T: STRING, type: 'DT_STRING' },
  ),
  toTensor(SPLITS, [fixed(int64([-1, -1])), floatTensor([]), fixed(zero), int64([0, 0, 0])]),
  toTensor(SPLITS, [fixed(int64([-1, -1])), floatTensor([]), fixed(zero), int64([0])]),
  toTensor(IDS, [fixed(int64([-1, -1])), values, fixed(zero), long(3), rowIds]),
  toTensor(IDS, [fixed(int64([-1, 1])), values, fixed(zero), long(4), rowIds]),
]
