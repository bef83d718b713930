import { describe, expect, test } from 'vitest'
import { ModelConfigError } from './errors.ts'
import { parseModelServerConfig, readModelServerConfig } from './model-server-text.ts'
import { parseProtobufText } from './protobuf-text.ts'

const model = (fields: string): string =>
  `model_config_list { config { name: 'm' base_path: '/m' model_platform: 'tensorflow' ${fields} } }`

/** 35 characters; a string begins behind them. */
const NAME = 'model_config_list { config { name: '

const one = (name: string): string =>
  `{ name: '${name}' base_path: '/m' model_platform: 'tensorflow' }`

const errorOf = (text: string): ModelConfigError => {
  try {
    parseModelServerConfig(text)
  } catch (error) {
    if (error instanceof ModelConfigError) return error
    throw error
  }
  throw new Error(`${JSON.stringify(text)} was read`)
}

test('the config that is documented upstream is read', () => {
  const text = `
    # two models
    model_config_list: {
      config {
        name: "first",  # a comma between fields
        base_path: '/models/' "first";
        model_platform: "tensorflow"
        model_version_policy: { specific { versions: 42 versions: [43, 0x2c] } }
        version_labels { key: 'stable' value: 42 }
        version_labels < key: 'canary' value: 43 >
      }
      config: < name: "second" base_path: "gs://bucket/second" model_platform: 'tensorflow' >
    }`

  expect(parseModelServerConfig(text)).toEqual({
    models: [
      {
        name: 'first',
        basePath: '/models/first',
        modelPlatform: 'tensorflow',
        versionPolicy: { kind: 'specific', versions: [42n, 43n, 44n] },
        versionLabels: { stable: 42n, canary: 43n },
      },
      {
        name: 'second',
        basePath: 'gs://bucket/second',
        modelPlatform: 'tensorflow',
        versionPolicy: { kind: 'latest', numVersions: 1 },
        versionLabels: {},
      },
    ],
  })
})

test('a list in brackets is as many fields', () => {
  const { models } = parseModelServerConfig(
    `model_config_list { config: [ ${one('a')}, ${one('b')} ] config [] config [${one('c')}] }`,
  )

  expect(models.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
})

test.each([
  ['', 0],
  ['model_config_list {}', 0],
  [model(''), 1],
])('%j lists %i models', (text, count) => {
  expect(parseModelServerConfig(text).models).toHaveLength(count)
})

test.each([
  ['latest { num_versions: 0 }', { kind: 'latest', numVersions: 1 }],
  ['latest { num_versions: 3 }', { kind: 'latest', numVersions: 3 }],
  ['all: {}', { kind: 'all' }],
  ['specific { versions: 017 }', { kind: 'specific', versions: [15n] }],
  ['specific { versions: -9223372036854775808 }', { kind: 'specific', versions: [-(2n ** 63n)] }],
  [
    'specific { versions: 9223372036854775807 }',
    { kind: 'specific', versions: [9223372036854775807n] },
  ],
  ['specific {}', { kind: 'specific', versions: [] }],
  ['latest: <>', { kind: 'latest', numVersions: 1 }],
  ['', { kind: 'latest', numVersions: 1 }],
])('the policy %j is read', (policy, expected) => {
  const { models } = parseModelServerConfig(model(`model_version_policy { ${policy} }`))

  expect(models[0]?.versionPolicy).toEqual(expected)
})

test('of a label that is given twice the last version counts', () => {
  const { models } = parseModelServerConfig(
    model("version_labels { key: 'a' value: 1 } version_labels { key: 'a' value: 2 }"),
  )

  expect(models[0]?.versionLabels).toEqual({ a: 2n })
})

test.each([
  [String.raw`"\a\b\f\n\r\t\v\\\?\'\""`, '\x07\b\f\n\r\t\v\\?\'"'],
  [String.raw`'\101\x42\7'`, 'AB\x07'],
  [String.raw`"\303\251"`, 'é'],
  [String.raw`"\u00e9\U0001F600\ud83d\ude00"`, 'é😀😀'],
  ['"one\ntwo"', 'one\ntwo'],
  [`"it's" ' "quoted"'`, 'it\'s "quoted"'],
])('the string %s is read', (text, expected) => {
  const [field] = parseProtobufText(`name: ${text}`).fields

  expect(field?.value).toMatchObject({ kind: 'string', value: expected })
})

describe('an error says where it is and what is wrong', () => {
  test.each([
    ['model_config_list {\n  config { name "x" }', '2:17: Expected ":", found "x".'],
    ['model_config_list {', '1:20: Expected identifier, got: '],
    ['model_config_list { config < name: "x" } }', '1:40: Expected ">", found "}".'],
    [`${NAME}"x`, '1:36: the string does not end'],
    [NAME + String.raw`"\q"`, '1:37: an escape that is not known'],
    [NAME + String.raw`"\777"`, String.raw`1:37: an octal escape is at most \377`],
    [NAME + String.raw`"\xff"`, '1:36: the string is not UTF-8'],
    [NAME + String.raw`"\ud83d"`, '1:37: half of a surrogate pair'],
    [`${NAME}12x`, '1:38: a number ends in a space or a symbol'],
    ['// no comment', '1:1: "/" has no meaning here'],
    [
      'config_list {}',
      '1:13: Message type "tensorflow.serving.ModelServerConfig" has no field named "config_list".',
    ],
    [
      'improperly formatted file',
      '1:12: Message type "tensorflow.serving.ModelServerConfig" has no field named "improperly".',
    ],
    ['model_config_list {} }', '1:22: Expected identifier, got: }'],
    [`${NAME}3 } }`, '1:36: Expected string, got: 3'],
    [
      'model_config_list { config { platform: "tensorflow" } }',
      '1:38: Message type "tensorflow.serving.ModelConfig" has no field named "platform".',
    ],
    [
      'model_config_list { conf {} }',
      '1:26: Message type "tensorflow.serving.ModelConfigList" has',
    ],
    [
      'model_config_list {}\nmodel_config_list {}',
      '2:19: Non-repeated field "model_config_list" is specified multiple times.',
    ],
    ['custom_model_config {}', '1:21: custom_model_config is not supported'],
    ['model_config_list: 1', '1:20: Expected "{", found "1".'],
    [
      model('model_type: NO_SUCH'),
      'Unknown enumeration value of "NO_SUCH" for field "model_type".',
    ],
    [model('logging_config { sampling { } }'), 'has no field named "sampling".'],
    [model('logging_config { [a b!] {} }'), 'Expected identifier, got: ['],
    ['model_config_list { config: [ {} {} ] }', '1:34: Expected "]", found "{".'],
    ['model_config_list { config [ {}, ] }', '1:34: Expected "{", found "]".'],
    [
      model('model_version_policy { all {} latest {} }'),
      'Field "latest" is specified along with field "all"',
    ],
    [model('version_labels { key: "a" value: 1.0 }'), 'Expected integer, got: 1.0'],
    [model('version_labels { key: "a" value: "1" }'), 'Expected integer, got: "1"'],
    [
      model('version_labels { key: "a" value: 9223372036854775808 }'),
      'Integer out of range (9223372036854775808)',
    ],
    [model('model_version_policy { latest { num_versions: -1 } }'), 'Integer out of range (-1)'],
    [model('version_labels { key: "__proto__" value: 1 }'), 'cannot be called __proto__'],
    [model('name: "other"'), 'Non-repeated field "name" is specified multiple times.'],
    [`${NAME}${'{a'.repeat(40)}`, 'nested deeper than 32'],
  ])('%j: %s', (text, message) => {
    expect(errorOf(text).message).toContain(message)
  })
})

test('what has no effect here is read all the same', () => {
  const { models } = parseModelServerConfig(
    model(`logging_config {
      log_collector_config { type: 'file' filename_prefix: '/tmp/log' }
      sampling_config { sampling_rate: 0.5 per_task_sampling_configs { dc: 'a' sampling_rate: 1 } }
      custom_logging_config { [type.googleapis.com/some.Type] { a: 1 } }
    }`),
  )

  expect(models[0]?.hasLogging).toBe(true)
})

test.each([
  ['model_type: TENSORFLOW', 'TENSORFLOW'],
  ['model_type: 1', 'TENSORFLOW'],
  ['model_type: 0x1', 'TENSORFLOW'],
  ['model_type: 7', 'OTHER'],
  ['model_type: OTHER', 'OTHER'],
  ['model_type: MODEL_TYPE_UNSPECIFIED', 'UNSPECIFIED'],
])('%s is %s', (field, expected) => {
  const text = `model_config_list { config { name: 'm' base_path: '/m' ${field} } }`

  expect(parseModelServerConfig(text).models[0]?.modelType).toBe(expected)
})

test('a config without any list is told from an empty list', () => {
  expect(parseModelServerConfig(' # nothing\n')).toEqual({ models: [], isEmpty: true })
  expect(parseModelServerConfig('model_config_list {}')).toEqual({ models: [] })
})

test('reading stops after each model, also within one list in brackets', () => {
  const steps = readModelServerConfig(`model_config_list { config: [ ${one('a')}, ${one('b')} ] }`)

  expect([steps.next().done, steps.next().done, steps.next().done]).toEqual([false, false, true])
})
