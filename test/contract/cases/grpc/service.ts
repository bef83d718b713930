import type { JsonObject } from '@bufbuild/protobuf'
import { answers, type Call, type GrpcCase, refuses } from './case.ts'

const INVALID = 'INVALID_ARGUMENT'
const TYPE = 'type.googleapis.com/tensorflow.serving.SignatureDefMap'

const metadata = (modelSpec: JsonObject, ...metadataField: readonly string[]): Call => [
  'GetModelMetadata',
  { modelSpec, metadataField: [...metadataField] },
]
const dim = (size: string): JsonObject => ({ dim: [{ size }] })

const SCALAR_METADATA: JsonObject = {
  modelSpec: { name: 'scalar', version: '1' },
  metadata: {
    signature_def: {
      '@type': TYPE,
      signatureDef: {
        serving_default: {
          inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: dim('-1') } },
          outputs: { sum: { name: 'sum:0', dtype: 'DT_FLOAT', tensorShape: {} } },
          methodName: 'tensorflow/serving/predict',
        },
      },
    },
  },
}

/** GetModelMetadata. */
export const METADATA: readonly GrpcCase[] = [
  answers('of a model', metadata({ name: 'scalar' }, 'signature_def'), SCALAR_METADATA),
  answers(
    'of a version',
    metadata({ name: 'scalar', version: '1' }, 'signature_def'),
    SCALAR_METADATA,
  ),
  answers(
    'of a model, asked for twice',
    metadata({ name: 'scalar', signatureName: 'none' }, 'signature_def', 'signature_def'),
    SCALAR_METADATA,
  ),
  refuses('of nothing', ['GetModelMetadata', {}], [INVALID, 'Missing ModelSpec']),
  refuses('of no field of an unknown model', metadata({ name: 'foo' }), [
    INVALID,
    'GetModelMetadataRequest must specify at least one metadata_field',
  ]),
  refuses('of an unknown label', metadata({ name: 'two', versionLabel: 'q' }, 'signature_def'), [
    INVALID,
    'Unrecognized servable version label: q',
  ]),
  refuses('without a field', metadata({ name: 'scalar' }), [
    INVALID,
    'GetModelMetadataRequest must specify at least one metadata_field',
  ]),
  refuses('of another field', metadata({ name: 'scalar' }, 'signature_def', 'other'), [
    INVALID,
    'Metadata field other is not supported',
  ]),
  refuses('of an unknown model', metadata({ name: 'foo' }, 'signature_def'), [
    'NOT_FOUND',
    'Servable not found for request: Latest(foo)',
  ]),
  refuses('without a name', metadata({}, 'signature_def'), [
    INVALID,
    'ModelSpec has no name specified.',
  ]),
]

const status = (modelSpec: JsonObject): Call => ['GetModelStatus', { modelSpec }]
const available = (...versions: readonly string[]): JsonObject => ({
  model_version_status: versions.map((version) => ({ version, state: 'AVAILABLE', status: {} })),
})

/** GetModelStatus. */
export const STATUS: readonly GrpcCase[] = [
  answers('of a model', status({ name: 'two' }), available('123')),
  answers('of several versions', status({ name: 'many' }), available('10', '3', '1')),
  answers('of one', status({ name: 'many', version: '3' }), available('3')),
  answers(
    'a label is not looked at',
    status({ name: 'many', versionLabel: 'none' }),
    available('10', '3', '1'),
  ),
  refuses('of nothing', ['GetModelStatus', {}], [INVALID, 'Missing ModelSpec']),
  refuses('without a name', status({}), ['NOT_FOUND', 'Could not find any versions of model ']),
  refuses('of an unknown model', status({ name: 'foo' }), [
    'NOT_FOUND',
    'Could not find any versions of model foo',
  ]),
  refuses('of version 0', status({ name: 'two', version: '0' }), [
    'NOT_FOUND',
    'Could not find version 0 of model two',
  ]),
  refuses('of a version of an unknown model', status({ name: 'foo', version: '1' }), [
    'NOT_FOUND',
    'Could not find version 1 of model foo',
  ]),
  refuses('of an unknown version', status({ name: 'two', version: '9' }), [
    'NOT_FOUND',
    'Could not find version 9 of model two',
  ]),
]

const reload = (...config: readonly JsonObject[]): Call => [
  'HandleReloadConfigRequest',
  { config: { modelConfigList: { config: [...config] } } },
]
const model = (name: string, basePath: string, modelPlatform = 'tensorflow'): JsonObject => ({
  name,
  basePath,
  modelPlatform,
})

/** Reloads that are refused: what is served goes on being served, as the cases after these show. */
export const RELOAD_REFUSED: readonly GrpcCase[] = [
  refuses(
    'no config',
    ['HandleReloadConfigRequest', {}],
    [
      INVALID,
      'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported',
    ],
  ),
  refuses('a name twice', reload(model('a', '/a'), model('a', '/b')), [
    INVALID,
    'Illegal to list model a multiple times in config list',
  ]),
  refuses('a relative base path', reload(model('a', 'some/where')), [
    INVALID,
    'Expected model a to have an absolute path or URI; got base_path()=some/where',
  ]),
  refuses('no platform', reload(model('a', '/a', '')), [
    INVALID,
    'Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, model name is a',
  ]),
  refuses('another platform', reload(model('a', '/a', 'caffe')), [
    INVALID,
    'Model a requests unsupported platform caffe',
  ]),
]
