// Predict: what is asked of whom, and the texts of 2.7 for what cannot be.

import { answered, nested, post, refused, refusedWith, type RestCase, written } from './case.ts'

/** Requests that are answered. */
export const PREDICT: readonly RestCase[] = [
  {
    ...answered('rows of two', post('two:predict', '{"instances":[[1.0,2.0],[3.0,4.0]]}'), {
      predictions: [
        [2.5, 3.0],
        [3.5, 4.0],
      ],
    }),
  },
  {
    name: 'an answer is JSON',
    request: post('two:predict', '{"instances":[1]}'),
    expect: {
      status: 200,
      headers: {
        'content-type': 'application/json',
        'access-control-allow-origin': undefined,
        'content-encoding': undefined,
      },
    },
  },
  answered(
    'a signature by its name',
    post('two:predict', '{"signature_name":"serving_default","instances":[3.0,4.0]}'),
    { predictions: [3.5, 4.0] },
  ),
  answered(
    'an empty signature name is the default',
    post('two:predict', '{"signature_name":"","instances":[3.0]}'),
    { predictions: [3.5] },
  ),
  answered(
    'a signature of another method can be predicted by',
    post('two:predict', '{"signature_name":"regress_x2_to_y3","instances":[2.0]}'),
    { predictions: [4.0] },
  ),
  answered('columns', post('default:predict', '{"inputs":[2.0,3.0,4.0]}'), {
    outputs: [3.0, 3.5, 4.0],
  }),
  answered('one column by its name', post('default:predict', '{"inputs":{"x":[2.0]}}'), {
    outputs: [3.0],
  }),
  answered(
    'columns that no signature names are ignored',
    post('default:predict', '{"inputs":{"x":[2.0],"z":"what"}}'),
    { outputs: [3.0] },
  ),
  answered('one row by its name', post('default:predict', '{"instances":[{"x":2.0},{"x":4}]}'), {
    predictions: [3.0, 4.0],
  }),
  answered('a scalar column', post('scalars:predict', '{"inputs":3}'), { outputs: 9.0 }),
  answered('a scalar answer to columns', post('scalar:predict', '{"inputs":[1.0,2.0]}'), {
    outputs: 3.0,
  }),
  answered(
    'several inputs in rows',
    post('pair:predict', '{"instances":[{"a":1,"b":10},{"b":20,"a":2}]}'),
    {
      predictions: [
        { sum: 11.0, difference: -9.0 },
        { sum: 22.0, difference: -18.0 },
      ],
    },
  ),
  answered(
    'several inputs in columns',
    post('pair:predict', '{"inputs":{"a":[1,2],"b":[10,20],"c":[]}}'),
    { outputs: { sum: [11.0, 22.0], difference: [-9.0, -18.0] } },
  ),
  answered(
    'unknown keys are ignored, however deep',
    post('default:predict', `{"instances":[1.0], "nested":${nested(500_000)}}`),
    { predictions: [2.5] },
  ),
  written('an empty column', post('default:predict', '{"inputs":[]}'), '{\n    "outputs": []\n}'),
]

/** Requests whose model, version, label or signature is not there. */
export const NOT_THERE: readonly RestCase[] = [
  refused(
    'an unknown model',
    post('half:predict', '{"instances":[1.0,5.0]}'),
    'Servable not found for request: Latest(half)',
    404,
  ),
  refused(
    'an unknown version',
    post('two/versions/50:predict', '{"instances":[1]}'),
    'Servable not found for request: Specific(two, 50)',
    404,
  ),
  refused(
    'a version on disk that its policy leaves out',
    post('two/versions/124:predict', '{"instances":[1]}'),
    'Servable not found for request: Specific(two, 124)',
    404,
  ),
  refused(
    'an unknown label',
    post('two/labels/none:predict', '{"instances":[1]}'),
    'Unrecognized servable version label: none',
  ),
  refused(
    'an unknown label of an unknown model',
    post('half/labels/none:predict', '{"instances":[1]}'),
    'Unrecognized servable version label: none',
  ),
  refused(
    'no JSON to an unknown model',
    post('half:predict', 'instances = [1, 2]'),
    'JSON Parse error: Invalid value. at offset: 0',
  ),
  refused(
    'JSON of no request to an unknown model',
    post('half:predict', '{}'),
    'Servable not found for request: Latest(half)',
    404,
  ),
  refused(
    'an unknown signature',
    post('default:predict', '{"signature_name":"none","instances":[1]}'),
    'Serving signature name: "none" not found in signature def',
  ),
  refused(
    'a model without a default signature',
    post('types:predict', '{"instances":[1]}'),
    'Serving signature name: "serving_default" not found in signature def',
  ),
  refused(
    'a signature without inputs',
    post('types:predict', '{"signature_name":"nothing","instances":[1]}'),
    'Failed to get input map for signature: nothing',
  ),
]

const dump = (body: unknown): string => JSON.stringify(body, undefined, 4)

/** Requests of no good form. */
export const MISFORMED: readonly RestCase[] = [
  refused(
    'a signature name that is no text',
    post('default:predict', '{"signature_name":100}'),
    `JSON Value: ${dump({ signature_name: 100 })} not formatted correctly. 'signature_name' key must be a string value.`,
  ),
  refusedWith(
    'a signature name that is 500,000 lists deep',
    post('default:predict', `{"signature_name":${nested(500_000)}}`),
    ["'signature_name' key must be a string value."],
  ),
  ...['[]', '3', '"text"', 'null', 'true'].map((body) =>
    refused(
      `${body} in place of an object`,
      post('default:predict', body),
      `JSON Value: ${body} Is not object`,
    ),
  ),
  refused(
    'neither rows nor columns',
    post('default:predict', '{}'),
    "Missing 'inputs' or 'instances' key",
  ),
  refusedWith('rows and columns', post('default:predict', '{"instances":[1],"inputs":[1]}'), [
    'JSON Value: {\n    "instances": [1],\n    "inputs": [1]\n} ',
    " Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
  ]),
  refused(
    'rows that are no list',
    post('default:predict', '{"instances":"x"}'),
    `JSON Value: ${dump({ instances: 'x' })} Expecting 'instances' to be an list/array`,
  ),
  refused(
    'no rows',
    post('default:predict', '{"instances":[]}'),
    `JSON Value: ${dump({ instances: [] })} No values in 'instances' array`,
  ),
  refused(
    'plain rows to several inputs',
    post('pair:predict', '{"instances":[1,2]}'),
    'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
  ),
  refused(
    'a plain column to several inputs',
    post('pair:predict', '{"inputs":[1,2]}'),
    'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
  ),
  refused(
    'a missing column',
    post('pair:predict', '{"inputs":{"a":[1]}}'),
    "Missing named input: b in 'inputs' object.",
  ),
  refused(
    'a list after an object',
    post('pair:predict', '{"instances":[{"a":1,"b":1},[1]]}'),
    'Expecting object but got list at item 1 of input list',
  ),
  refused(
    'an object after a value',
    post('default:predict', '{"instances":[1,{"x":1}]}'),
    'Expecting value/list but got object at item 1 of input list',
  ),
  refusedWith('a row without one of its inputs', post('pair:predict', '{"instances":[{"a":1}]}'), [
    'Failed to process element: 0 of \'instances\' list. JSON object: {\n    "a": 1\n} keys must be equal to: ',
  ]),
  refusedWith(
    'a row with one input too many',
    post('pair:predict', '{"instances":[{"a":1,"b":1,"z":1}]}'),
    ['Failed to process element: 0', 'does not have named input: z'],
  ),
  refusedWith(
    'an unknown input in the second row',
    post('default:predict', '{"instances":[{"x":1},{"z":1}]}'),
    ['Failed to process element: 1', "of 'instances' list. ", 'does not have named input: z'],
  ),
  refusedWith('a scalar output for rows', post('scalar:predict', '{"instances":[1.0,2.0]}'), [
    'Tensor name: sum has no shape information ',
  ]),
  refusedWith(
    'outputs of other sizes for rows',
    post('uneven:predict', '{"instances":[1.0,2.0]}'),
    ['has inconsistent batch size: ', ' expecting: '],
  ),
]
