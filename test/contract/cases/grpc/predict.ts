import type { JsonObject } from '@bufbuild/protobuf'
import { answers, type GrpcCase, list, predict, refuses, refusesWith, scalar } from './case.ts'

const DEFAULT = { name: 'default' }
const TWO = { name: 'two' }
const X = { x: list([2]) }

const specOf = (name: string, version: string, signatureName = 'serving_default'): JsonObject => ({
  name,
  version,
  signatureName,
})

const typed = (type: string, tensor: JsonObject): GrpcCase =>
  answers(
    `${type} in its own field`,
    predict({ name: 'types', signatureName: type }, { x: tensor }),
    { modelSpec: specOf('types', '1', type), outputs: { y: tensor } },
  )
const shape = (size: number): JsonObject => ({ tensorShape: { dim: [{ size: `${size}` }] } })

/** Predict, answered. */
export const PREDICT: readonly GrpcCase[] = [
  answers('the latest version', predict(DEFAULT, X, ['y']), {
    modelSpec: specOf('default', '123'),
    outputs: { y: list([3]) },
  }),
  answers(
    'another signature',
    predict({ ...DEFAULT, signatureName: 'regress_x2_to_y3' }, { inputs: scalar(2) }),
    {
      modelSpec: specOf('default', '123', 'regress_x2_to_y3'),
      outputs: { outputs: scalar(4) },
    },
  ),
  answers(
    'a signature of classify',
    predict({ ...DEFAULT, signatureName: 'classify_x2_to_y3' }, { inputs: scalar(2) }),
    {
      modelSpec: specOf('default', '123', 'classify_x2_to_y3'),
      outputs: { scores: scalar(4) },
    },
  ),
  answers('a version', predict({ ...TWO, version: '123' }, X), {
    modelSpec: specOf('two', '123'),
    outputs: { y: list([3]) },
  }),
  answers('a label', predict({ ...TWO, versionLabel: 'Version_Label' }, X), {
    modelSpec: specOf('two', '123'),
    outputs: { y: list([3]) },
  }),
  answers('an older version', predict({ name: 'many', version: '1' }, X), {
    modelSpec: specOf('many', '1'),
    outputs: { y: list([3]) },
  }),
  answers('the latest of several', predict({ name: 'many' }, X), {
    modelSpec: specOf('many', '10'),
    outputs: { y: list([4]) },
  }),
  answers(
    'tensor_content',
    predict(DEFAULT, {
      x: { dtype: 'DT_FLOAT', ...shape(2), tensorContent: 'AAAAQAAAgEA=' },
    }),
    { modelSpec: specOf('default', '123'), outputs: { y: list([3, 4]) } },
  ),
  answers(
    'one value for all',
    predict(DEFAULT, { x: { dtype: 'DT_FLOAT', ...shape(3), floatVal: [2] } }),
    { modelSpec: specOf('default', '123'), outputs: { y: list([3, 3, 3]) } },
  ),
  answers('no value is nought', predict(DEFAULT, { x: { dtype: 'DT_FLOAT', ...shape(2) } }), {
    modelSpec: specOf('default', '123'),
    outputs: { y: list([2, 2]) },
  }),
  answers('nothing of nothing', predict(DEFAULT, { x: { dtype: 'DT_FLOAT', ...shape(0) } }), {
    modelSpec: specOf('default', '123'),
    outputs: { y: { dtype: 'DT_FLOAT', tensorShape: { dim: [{}] } } },
  }),
  answers(
    'one of several outputs',
    predict({ name: 'pair' }, { a: list([1]), b: list([2]) }, ['difference']),
    {
      modelSpec: specOf('pair', '1'),
      outputs: { difference: list([-1]) },
    },
  ),
  answers('a scalar from rows', predict({ name: 'scalar' }, { x: list([1, 2]) }), {
    modelSpec: specOf('scalar', '1'),
    outputs: { sum: scalar(3) },
  }),
]

/** Every element type, there and back. */
export const TYPES: readonly GrpcCase[] = [
  typed('float', { dtype: 'DT_FLOAT', ...shape(3), floatVal: [0.5, 'NaN', '-Infinity'] }),
  typed('double', { dtype: 'DT_DOUBLE', ...shape(2), doubleVal: [0.1, 'Infinity'] }),
  typed('int32', { dtype: 'DT_INT32', ...shape(2), intVal: [-2_147_483_648, 2_147_483_647] }),
  typed('int16', { dtype: 'DT_INT16', ...shape(2), intVal: [-32_768, 32_767] }),
  typed('int8', { dtype: 'DT_INT8', ...shape(2), intVal: [-128, 127] }),
  typed('uint8', { dtype: 'DT_UINT8', ...shape(2), intVal: [0, 255] }),
  typed('uint16', { dtype: 'DT_UINT16', ...shape(2), intVal: [0, 65_535] }),
  typed('uint32', { dtype: 'DT_UINT32', ...shape(2), uint32Val: [0, 4_294_967_295] }),
  typed('int64', {
    dtype: 'DT_INT64',
    ...shape(2),
    int64Val: ['-9223372036854775808', '9223372036854775807'],
  }),
  typed('uint64', { dtype: 'DT_UINT64', ...shape(2), uint64Val: ['0', '18446744073709551615'] }),
  typed('bool', { dtype: 'DT_BOOL', ...shape(2), boolVal: [true, false] }),
  typed('string', { dtype: 'DT_STRING', ...shape(2), stringVal: ['/wA=', ''] }),
  typed('half', { dtype: 'DT_HALF', ...shape(2), halfVal: [15_360, 49_152] }),
  typed('bfloat16', { dtype: 'DT_BFLOAT16', ...shape(2), halfVal: [16_256, 49_152] }),
  typed('complex64', { dtype: 'DT_COMPLEX64', ...shape(1), scomplexVal: [1, -2] }),
  typed('complex128', { dtype: 'DT_COMPLEX128', ...shape(1), dcomplexVal: [0.1, -2] }),
]

const INVALID = 'INVALID_ARGUMENT'
const MISSING = 'NOT_FOUND'

/** Predict, refused. */
export const PREDICT_REFUSED: readonly GrpcCase[] = [
  refuses('nothing', ['Predict', {}], [INVALID, 'Missing ModelSpec']),
  refuses('no name', predict({}, X), [INVALID, 'ModelSpec has no name specified.']),
  refuses('an unknown model', predict({ name: 'test' }, X), [
    MISSING,
    'Servable not found for request: Latest(test)',
  ]),
  refuses('an unknown version', predict({ ...TWO, version: '9' }, X), [
    MISSING,
    'Servable not found for request: Specific(two, 9)',
  ]),
  refuses('an unknown label', predict({ ...TWO, versionLabel: 'none' }, X), [
    INVALID,
    'Unrecognized servable version label: none',
  ]),
  refuses('a model that did not load', predict({ name: 'broken' }, X), [
    MISSING,
    'Servable not found for request: Latest(broken)',
  ]),
  refuses('an unknown signature', predict({ ...TWO, signatureName: 'none' }, X), [
    'FAILED_PRECONDITION',
    'Serving signature key "none" not found.',
  ]),
  refuses('version 0', predict({ ...TWO, version: '0' }, X), [
    MISSING,
    'Servable not found for request: Specific(two, 0)',
  ]),
  refuses('a version below 0', predict({ ...TWO, version: '-1' }, X), [
    MISSING,
    'Servable not found for request: Specific(two, -1)',
  ]),
  refuses('an empty label', predict({ ...TWO, versionLabel: '' }, X), [
    INVALID,
    'Unrecognized servable version label: ',
  ]),
  refuses('a label of an unknown model', predict({ name: 'test', versionLabel: 'stable' }, X), [
    INVALID,
    'Unrecognized servable version label: stable',
  ]),
  refuses('a model whose name is long', predict({ name: 'n'.repeat(2_000) }, X), [
    MISSING,
    // The first 1,024 characters and a word.
    `Servable not found for request: Latest(${'n'.repeat(985)}...TRUNCATED`,
  ]),
  refuses(
    'inputs of other names',
    predict(DEFAULT, { unknown_key1: scalar(1), unknown_key2: scalar(1) }),
    [
      INVALID,
      'input size does not match signature: 2!=1 len({unknown_key1,unknown_key2}) != len({x}). ' +
        'Sent extra: {unknown_key1,unknown_key2}. Missing but required: {x}.',
    ],
  ),
  refuses('no inputs', predict(DEFAULT, {}), [
    INVALID,
    'input size does not match signature: 0!=1 len({}) != len({x}). ' +
      'Sent extra: {}. Missing but required: {x}.',
  ]),
  refuses('one of two inputs', predict({ name: 'pair' }, { b: list([1]) }), [
    INVALID,
    'input size does not match signature: 1!=2 len({b}) != len({a,b}). ' +
      'Sent extra: {}. Missing but required: {a}.',
  ]),
  refuses('inputs for none', predict({ name: 'types', signatureName: 'nothing' }, X), [
    INVALID,
    'input size does not match signature: 1!=0 len({x}) != len({}). ' +
      'Sent extra: {x}. Missing but required: {}.',
  ]),
  refuses('an input of another name', predict(DEFAULT, { key: scalar(1) }), [
    INVALID,
    'Signature input alias: x(feed name: x:0) not found in request and no default value ' +
      'provided. Inputs expected to be in the request {key}, or default input alias set: ',
  ]),
  refuses(
    'a tensor that is none',
    predict(DEFAULT, { x: { dtype: 'DT_FLOAT', ...shape(2), tensorContent: 'AAAA' } }),
    [INVALID, 'tensor parsing error: x'],
  ),
  refuses('a tensor without a type', predict(DEFAULT, { x: { ...shape(1), floatVal: [1] } }), [
    INVALID,
    'tensor parsing error: x',
  ]),
  refuses(
    'a negative dimension',
    predict(DEFAULT, { x: { dtype: 'DT_FLOAT', ...shape(-1), floatVal: [1] } }),
    [INVALID, 'tensor parsing error: x'],
  ),
  refuses(
    'a shape whose product overflows',
    predict(DEFAULT, {
      x: {
        dtype: 'DT_FLOAT',
        tensorShape: { dim: [{ size: '4611686018427387904' }, { size: '8' }] },
        floatVal: [1],
      },
    }),
    [INVALID, 'tensor parsing error: x'],
  ),
  refuses(
    'more values than the shape has',
    predict(DEFAULT, { x: { dtype: 'DT_FLOAT', ...shape(4), tensorContent: 'AAAAQAAAgEA=' } }),
    [INVALID, 'tensor parsing error: x'],
  ),
  refusesWith(
    'another type',
    predict(DEFAULT, { x: { dtype: 'DT_STRING', ...shape(1), stringVal: ['AA=='] } }),
    [INVALID, 'to be float but string is provided'],
  ),
  refusesWith(
    'shapes that do not go together',
    predict({ name: 'pair' }, { a: list([1, 2]), b: list([1, 2, 3]) }),
    [INVALID, 'Incompatible shapes: [2] vs. [3]'],
  ),
  refuses('an unknown output', predict(DEFAULT, X, ['none']), [
    INVALID,
    'output tensor alias not found in signature: none Outputs expected to be in the set {y}.',
  ]),
  refuses('an output twice, before one that is unknown', predict(DEFAULT, X, ['y', 'y', 'none']), [
    INVALID,
    'duplicate output tensor alias: y',
  ]),
  refuses('an output without a name', predict(DEFAULT, X, ['']), [
    INVALID,
    'output tensor alias not found in signature:  Outputs expected to be in the set {y}.',
  ]),
  refuses('an output twice', predict(DEFAULT, X, ['y', 'y']), [
    INVALID,
    'duplicate output tensor alias: y',
  ]),
]
