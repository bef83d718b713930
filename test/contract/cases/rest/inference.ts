// Classify and regress: examples of features.

import { answered, post, refused, refusedWith, type RestCase } from './case.ts'

const classify = (body: string) =>
  post('two:classify', `{"signature_name":"classify_x_to_y",${body}}`)
const regress = (body: string) => post('two:regress', `{"signature_name":"regress_x_to_y",${body}}`)

/** Requests that are answered. */
export const INFERENCE: readonly RestCase[] = [
  answered(
    'regress',
    post(
      'three:regress',
      '{"signature_name":"tensorflow/serving/regress","examples":[{"x":1.0},{"x":2.0}]}',
    ),
    { results: [3.5, 4.0] },
  ),
  answered('classify without classes', classify('"examples":[{"x":20.0}]'), {
    results: [[['', 12.0]]],
  }),
  answered(
    'classify with classes',
    post('classes:classify', '{"examples":[{"x":1.5},{"x":-2.0}]}'),
    {
      results: [
        [
          ['low', -1.5],
          ['high', 1.5],
        ],
        [
          ['low', 2.0],
          ['high', -2.0],
        ],
      ],
    },
  ),
  answered(
    'by version and label',
    post(
      'two/labels/Version_Label:regress',
      '{"signature_name":"regress_x_to_y","examples":[{"x":2.0}]}',
    ),
    { results: [3.0] },
  ),
  answered(
    'features of the context are every example’s',
    regress('"context":{"x":[8.0]},"examples":[{"x2":1.0},{}]'),
    {
      results: [6.0, 6.0],
    },
  ),
  answered(
    'an example goes before the context',
    regress('"context":{"x":8.0},"examples":[{"x":2.0}]'),
    {
      results: [3.0],
    },
  ),
  answered(
    'features that no signature reads',
    regress('"examples":[{"x":[2.0],"z":"a","b":{"b64":"YWI="},"t":true,"e":[]}]'),
    {
      results: [3.0],
    },
  ),
]

/** Requests that are refused. */
export const INFERENCE_REFUSED: readonly RestCase[] = [
  refused(
    'classify an unknown model',
    post('half:classify', '{"examples":[{"x":1.0}]}'),
    'Servable not found for request: Latest(half)',
    404,
  ),
  refused(
    'classify by an unknown signature',
    post('two:classify', '{"signature_name":"none","examples":[{"x":1.0}]}'),
    'No signature was found with the name: none',
  ),
  refused(
    'regress by an unknown signature',
    post('two:regress', '{"signature_name":"none","examples":[{"x":1.0}]}'),
    'No signature was found with the name: none',
  ),
  refusedWith(
    'classify by a signature for predict',
    post('two:classify', '{"examples":[{"x":1.0}]}'),
    ['No classification inputs found in SignatureDef: '],
  ),
  refusedWith(
    'regress by a signature for predict',
    post('two:regress', '{"examples":[{"x":1.0}]}'),
    ['No regression inputs found in SignatureDef: '],
  ),
  refusedWith('no examples', classify('"a":1'), [
    "When method is classify, key 'examples' is expected and was not found",
  ]),
  refusedWith('no examples to regress', regress('"a":1'), [
    "When method is classify, key 'examples' is expected and was not found",
  ]),
  refusedWith('examples that are no list', classify('"examples":{}'), [
    "Expecting 'examples' value to be an list/array",
  ]),
  refusedWith('an empty list of examples', classify('"examples":[]'), [
    "'examples' value is an empty array",
  ]),
  refused(
    'an example that is a list',
    classify('"examples":[[{"x":1}]]'),
    'Example must be JSON object but got JSON Array',
  ),
  refused(
    'an example that is a number',
    classify('"examples":[1]'),
    'Example must be JSON object but got JSON Number',
  ),
  refusedWith('a context that is a list', classify('"context":[1],"examples":[{"x":1.0}]'), [
    'Example must be JSON object',
  ]),
  refusedWith(
    'a signature name that is no text',
    post('two:classify', '{"signature_name":1,"examples":[{}]}'),
    ["'signature_name' key must be a string value."],
  ),
  refused('no JSON', post('two:classify', 'x'), 'JSON Parse error: Invalid value. at offset: 0'),
  refused(
    'a feature of two types',
    regress('"examples":[{"names":[10,10.0]}]'),
    'Unexpected element type in feature: names expecting type: int64',
  ),
  refused(
    'a feature of text and number',
    regress('"examples":[{"names":["a",1]}]'),
    'Unexpected element type in feature: names expecting type: bytes',
  ),
  refused(
    'a feature beyond int64',
    regress('"examples":[{"ages":[20,18446744073709551603]}]'),
    'Feature: ages has uint64_t element. Only int64_t is supported.',
  ),
  refused(
    'a feature that is null',
    regress('"examples":[{"x":null}]'),
    'Feature: x has element with unexpected JSON type: Null',
  ),
  refused(
    'a feature of lists',
    regress('"examples":[{"x":[[1.0]]}]'),
    'Feature: x has element with unexpected JSON type: Array',
  ),
  refused(
    'a feature that is an object',
    regress('"examples":[{"x":{"y":1}}]'),
    'Feature: x has element with unexpected JSON type: Object',
  ),
  refusedWith('a missing feature', regress('"examples":[{"z":1.0}]'), ['x']),
]
