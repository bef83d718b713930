// Lists in lists: which are a tensor, and what is said of those that are none.

import { answered, post, refused, refusedWith, type RestCase } from './case.ts'

const rows = (instances: string) => post('default:predict', `{"instances":${instances}}`)
const column = (inputs: string) => post('default:predict', `{"inputs":${inputs}}`)

export const SHAPES: readonly RestCase[] = [
  answered('a scalar in rows of one value', rows('[[[[2]]]]'), { predictions: [[[[3.0]]]] }),
  answered('a column of three dimensions', column('[[[2,4],[6,8]]]'), {
    outputs: [
      [
        [3.0, 4.0],
        [5.0, 6.0],
      ],
    ],
  }),
  answered('a column by its name', column('{"x":[[2],[4]]}'), { outputs: [[3.0], [4.0]] }),
  answered('empty rows', rows('[[],[]]'), { predictions: [[], []] }),
  refusedWith('rows of other sizes', rows('[[1,2],[3,4],[5,6,7]]'), [
    'Expecting tensor size: 2 but got: 3',
  ]),
  refusedWith('a row of another depth', rows('[[1,2],[3,4],[[5,6]]]'), [
    'Expecting shape [2] but got: [1,2]',
  ]),
  refusedWith('a number and a list', rows('[1,[1]]'), ['Expecting shape [] but got: [1]']),
  refusedWith('a list and a number', rows('[[1],1]'), ['Expecting shape [1] but got: []']),
  refusedWith('a ragged row', rows('[[[1,2],[3]]]'), [
    'Encountered list at unexpected size: 1 at level: 1 expected size: 2',
  ]),
  refused(
    'a ragged column',
    column('[[1,2],[3]]'),
    'Encountered list at unexpected size: 1 at level: 1 expected size: 2',
  ),
  refused(
    'a column with a number too high',
    column('[[1,2],3]'),
    'JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2',
  ),
  refusedWith('a column with a list too deep', column('[1,[2]]'), [
    'Encountered list at unexpected level: 1 expected < 1',
  ]),
  refusedWith('the row that does not fit is named', rows('[1,2,"x"]'), [
    'Failed to process element: 2 of \'instances\' list. Error: INVALID_ARGUMENT: JSON Value: "x" Type: String is not of expected type: float',
  ]),
  refusedWith('so is its key', post('default:predict', '{"instances":[{"x":1},{"x":"a"}]}'), [
    "Failed to process element: 1 key: x of 'instances' list. Error: INVALID_ARGUMENT: ",
    'is not of expected type: float',
  ]),
]
