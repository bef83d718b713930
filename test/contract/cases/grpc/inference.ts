import type { JsonObject } from '@bufbuild/protobuf'
import {
  answers,
  type Call,
  exampleOf,
  examples,
  type GrpcCase,
  refuses,
  refusesWith,
} from './case.ts'

const INVALID = 'INVALID_ARGUMENT'
const CLASSIFY = { name: 'two', signatureName: 'classify_x_to_y' }
const REGRESS = { name: 'two', signatureName: 'regress_x_to_y' }
const answeredBy = (spec: JsonObject): JsonObject => ({ ...spec, version: '123' })
const NOUGHT = { exampleList: {} }

/** Classify and Regress. */
export const INFERENCE: readonly GrpcCase[] = [
  answers('classify', ['Classify', { modelSpec: CLASSIFY, input: examples({ x: 80 }) }], {
    modelSpec: answeredBy(CLASSIFY),
    result: { classifications: [{ classes: [{ score: 42 }] }] },
  }),
  answers(
    'classify with labels',
    ['Classify', { modelSpec: { name: 'classes' }, input: examples({ x: 2 }) }],
    {
      modelSpec: { name: 'classes', version: '1', signatureName: 'serving_default' },
      result: {
        classifications: [
          {
            classes: [
              { label: 'low', score: -2 },
              { label: 'high', score: 2 },
            ],
          },
        ],
      },
    },
  ),
  answers('regress', ['Regress', { modelSpec: REGRESS, input: examples({ x: 80 }, { x: 2 }) }], {
    modelSpec: answeredBy(REGRESS),
    result: { regressions: [{ value: 42 }, { value: 3 }] },
  }),
  answers(
    'a context goes after each example',
    [
      'Regress',
      {
        modelSpec: REGRESS,
        input: {
          exampleListWithContext: {
            context: exampleOf({ x: 8 }),
            examples: [exampleOf({}), exampleOf({ x2: 2 })],
          },
        },
      },
    ],
    { modelSpec: answeredBy(REGRESS), result: { regressions: [{ value: 6 }, { value: 6 }] } },
  ),
  ...(['Classify', 'Regress'] as const).flatMap((method): GrpcCase[] => [
    refuses(`${method} nothing`, [method, {}], [INVALID, 'Missing ModelSpec']),
    refuses(
      `${method} without a name`,
      [method, { modelSpec: {}, input: examples({ x: 1 }) }],
      [INVALID, 'ModelSpec has no name specified.'],
    ),
    refuses(
      `${method} an unknown model`,
      [method, { modelSpec: { name: 'foo' }, input: examples({ x: 1 }) }],
      ['NOT_FOUND', 'Servable not found for request: Latest(foo)'],
    ),
    refuses(
      `${method} by an unknown signature`,
      [method, { modelSpec: { name: 'two', signatureName: 'none' }, input: examples({ x: 1 }) }],
      [INVALID, 'No signature was found with the name: none'],
    ),
  ]),
  refuses('classify no input', ['Classify', { modelSpec: CLASSIFY }], [INVALID, 'Input is empty.']),
  refuses(
    'classify no examples',
    ['Classify', { modelSpec: CLASSIFY, input: NOUGHT }],
    [INVALID, 'Input is empty.'],
  ),
  refuses(
    'regress no examples',
    ['Regress', { modelSpec: REGRESS, input: NOUGHT }],
    [INVALID, 'Input is empty.'],
  ),
  refusesWith(
    'classify by a signature for predict',
    ['Classify', { modelSpec: { name: 'two' }, input: examples({ x: 1 }) }],
    [INVALID, 'No classification inputs found in SignatureDef'],
  ),
  refusesWith(
    'regress by a signature for classify',
    ['Regress', { modelSpec: CLASSIFY, input: examples({ x: 1 }) }],
    [INVALID, 'regression'],
  ),
]

const METHOD = 'tensorflow/serving/'
const task = (method: string, signatureName: string, name = 'two'): JsonObject => ({
  modelSpec: { name, signatureName },
  methodName: METHOD + method,
})
const multi = (...tasks: readonly JsonObject[]): Call => [
  'MultiInference',
  { tasks: [...tasks], input: examples({ x: 2 }) },
]

/** MultiInference. */
export const MULTI_INFERENCE: readonly GrpcCase[] = [
  answers(
    'one of each',
    multi(task('regress', 'regress_x_to_y'), task('classify', 'classify_x_to_y')),
    {
      results: [
        { modelSpec: answeredBy(REGRESS), regressionResult: { regressions: [{ value: 3 }] } },
        {
          modelSpec: answeredBy(CLASSIFY),
          classificationResult: { classifications: [{ classes: [{ score: 3 }] }] },
        },
      ],
    },
  ),
  refuses(
    'names that differ',
    multi(task('regress', 'regress_x_to_y'), task('regress', 'regress_x_to_y2', 'three')),
    [INVALID, 'All ModelSpecs in a MultiInferenceRequest must access the same model name.'],
  ),
  refuses(
    'a signature twice',
    multi(task('regress', 'regress_x_to_y'), task('regress', 'regress_x_to_y')),
    [INVALID, 'Duplicate evaluation of signature: regress_x_to_y'],
  ),
  refuses('an unknown signature', multi(task('regress', 'none')), [
    INVALID,
    'Requested signature not found in model graph: none',
  ]),
  refuses('another method', multi(task('predict', 'regress_x_to_y')), [
    'UNIMPLEMENTED',
    `Unsupported signature method_name: ${METHOD}predict`,
  ]),
  refuses('an unknown model', multi(task('regress', 'regress_x_to_y', 'foo')), [
    'NOT_FOUND',
    'Servable not found for request: Latest(foo)',
  ]),
  refuses(
    'no examples',
    ['MultiInference', { tasks: [task('regress', 'regress_x_to_y')], input: NOUGHT }],
    [INVALID, 'Input is empty.'],
  ),
  refuses('no tasks', multi(), [INVALID, 'ModelSpec has no name specified.']),
]
