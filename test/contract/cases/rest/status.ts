// Status and metadata.

import { answered, error, get, refused, type RestCase, written } from './case.ts'

const status = (...versions: readonly string[]): string => {
  const each = versions.map(
    (version) =>
      `  {\n   "version": "${version}",\n   "state": "AVAILABLE",\n   "status": {\n` +
      '    "error_code": "OK",\n    "error_message": ""\n   }\n  }',
  )
  return `{\n "model_version_status": [\n${each.join(',\n')}\n ]\n}\n`
}

const tensor = (name: string, dtype: string, ...sizes: readonly string[]) => ({
  dtype,
  tensor_shape: { dim: sizes.map((size) => ({ size, name: '' })), unknown_rank: false },
  name: `${name}:0`,
})
const signature = (method_name: string, inputs: object, outputs: object) => ({
  inputs,
  outputs,
  method_name: `tensorflow/serving/${method_name}`,
  defaults: {},
})
const EXAMPLES = { inputs: tensor('tf_example', 'DT_STRING', '-1') }
const floats = (name: string) => tensor(name, 'DT_FLOAT', '-1', '1')

/** The metadata of upstream's half_plus_two, as its own golden file has it. */
const METADATA = {
  model_spec: { name: 'two', signature_name: '', version: '123' },
  metadata: {
    signature_def: {
      signature_def: {
        regress_x_to_y: signature('regress', EXAMPLES, { outputs: floats('y') }),
        regress_x_to_y2: signature('regress', EXAMPLES, { outputs: floats('y2') }),
        regress_x2_to_y3: signature('regress', { inputs: floats('x2') }, { outputs: floats('y3') }),
        classify_x_to_y: signature('classify', EXAMPLES, { scores: floats('y') }),
        classify_x2_to_y3: signature(
          'classify',
          { inputs: floats('x2') },
          { scores: floats('y3') },
        ),
        serving_default: signature('predict', { x: floats('x') }, { y: floats('y') }),
      },
    },
  },
}

const GOLDEN = `{
"model_spec":{
 "name": "scalar",
 "signature_name": "",
 "version": "1"
}
,
"metadata": {"signature_def": {
 "signature_def": {
  "serving_default": {
   "inputs": {
    "x": {
     "dtype": "DT_FLOAT",
     "tensor_shape": {
      "dim": [
       {
        "size": "-1",
        "name": ""
       }
      ],
      "unknown_rank": false
     },
     "name": "x:0"
    }
   },
   "outputs": {
    "sum": {
     "dtype": "DT_FLOAT",
     "tensor_shape": {
      "dim": [],
      "unknown_rank": false
     },
     "name": "sum:0"
    }
   },
   "method_name": "tensorflow/serving/predict",
   "defaults": {}
  }
 }
}
}
}
`

/** Status. */
export const STATUS: readonly RestCase[] = [
  written('of a model', get('/v1/models/two'), status('123')),
  written('of several versions, the latest first', get('/v1/models/many'), status('10', '3', '1')),
  written('of one version', get('/v1/models/many/versions/3'), status('3')),
  written('of a version with noughts', get('/v1/models/many/versions/0003'), status('3')),
  written(
    'by a label tells all versions',
    get('/v1/models/many/labels/first'),
    status('10', '3', '1'),
  ),
  written('by an unknown label too', get('/v1/models/two/labels/none'), status('123')),
  refused(
    'of an unknown version',
    get('/v1/models/two/versions/125'),
    'Could not find version 125 of model two',
    404,
  ),
  refused(
    'of an unknown model',
    get('/v1/models/half'),
    'Could not find any versions of model half',
    404,
  ),
  {
    name: 'of a model that did not load',
    request: get('/v1/models/broken'),
    expect: { status: 200, contains: ['"state": "END"'] },
    better: 'upstream does not start with a model that does not load',
  },
  {
    name: 'is JSON, as errors are',
    request: get('/v1/models/half'),
    expect: { status: 404, headers: { 'content-type': 'application/json' } },
  },
]

/** Metadata. */
export const METADATA_CASES: readonly RestCase[] = [
  answered('of half plus two', get('/v1/models/two/metadata'), METADATA),
  answered('by its label', get('/v1/models/two/labels/Version_Label/metadata'), METADATA),
  answered('by its version', get('/v1/models/two/versions/123/metadata'), METADATA),
  written('byte for byte', get('/v1/models/scalar/metadata'), GOLDEN),
  refused(
    'of an unknown model',
    get('/v1/models/half/metadata'),
    'Servable not found for request: Latest(half)',
    404,
  ),
  refused(
    'of an unknown version',
    get('/v1/models/two/versions/9/metadata'),
    'Servable not found for request: Specific(two, 9)',
    404,
  ),
  {
    name: 'of an unknown label',
    request: get('/v1/models/two/labels/none/metadata'),
    expect: { status: 400, body: error('Unrecognized servable version label: none') },
  },
]
