import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ModelConfigError } from './errors.ts'
import {
  ModelServerConfig,
  parseModelServerConfig,
  renderModelServerConfig,
} from './model-server-config.ts'
import { parseProtobufText } from './protobuf-text.ts'

const model = (fields: string): string =>
  `model_config_list { config { name: 'm' base_path: '/m' model_platform: 'tensorflow' ${fields} } }`

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
        versionPolicy: { kind: 'specific', versions: [42, 43, 44] },
        versionLabels: { stable: 42, canary: 43 },
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
  ['specific { versions: 017 }', { kind: 'specific', versions: [15] }],
  ['', { kind: 'latest', numVersions: 1 }],
])('the policy %j is %j', (policy, expected) => {
  const { models } = parseModelServerConfig(model(`model_version_policy { ${policy} }`))

  expect(models[0]?.versionPolicy).toEqual(expected)
})

test('of a label that is given twice the last version counts', () => {
  const { models } = parseModelServerConfig(
    model("version_labels { key: 'a' value: 1 } version_labels { key: 'a' value: 2 }"),
  )

  expect(models[0]?.versionLabels).toEqual({ a: 2 })
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
    ['model_config_list {\n  config { name "x" }', '2:17: expected ":" and found "x"'],
    ['model_config_list {', '1:20: expected the name of a field and found the end'],
    ['model_config_list { config < name: "x" } }', '1:40: expected the name of a field'],
    ['a: "x', '1:4: the string does not end'],
    [String.raw`a: "\q"`, '1:5: an escape that is not known'],
    [String.raw`a: "\777"`, String.raw`1:5: an octal escape is at most \377`],
    [String.raw`a: "\xff"`, '1:4: the string is not UTF-8'],
    [String.raw`a: "\ud83d"`, '1:5: half of a surrogate pair'],
    ['a: 12x', '1:6: a number ends in a space or a symbol'],
    ['// no comment', '1:1: "/" has no meaning here'],
    ['config_list {}', '1:1: there is no field config_list here'],
    [
      'model_config_list {}\nmodel_config_list {}',
      '2:1: model_config_list is given more than once',
    ],
    ['custom_model_config {}', '1:1: there is no field custom_model_config'],
    ['model_config_list: 1', '1:20: expected a message'],
    ['model_config_list { config [ {}, ] }', '1:34: expected a message'],
    [model('model_version_policy { all {} latest {} }'), 'a model has one version policy'],
    [model('version_labels { key: "a" value: -1 }'), 'expected an integer that is not negative'],
    [model('version_labels { key: "a" value: 9223372036854775808 }'), 'is no int64'],
    [model('version_labels { key: "a" value: 9007199254740993 }'), 'is more than 9007199254740991'],
    [model('version_labels { key: "__proto__" value: 1 }'), 'cannot be called __proto__'],
    [model('name: "other"'), 'name is given more than once'],
    ['model_config_list { config { name: "x" } }', 'an absolute path or a URI'],
    ['a{'.repeat(40), 'nested deeper than 32'],
  ])('%j: %s', (text, message) => {
    expect(errorOf(text).message).toContain(message)
  })

  test('a model that is listed twice is named as upstream names it', () => {
    const config = `config { name: 'm' base_path: '/m' model_platform: 'tensorflow' }`

    expect(errorOf(`model_config_list { ${config}\n${config} }`).message).toContain(
      '2:8: Illegal to list model m multiple times in config list',
    )
  })
})

const texts = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => !/\p{Surrogate}/u.test(text) && text !== '__proto__')
const versions = fc.nat(Number.MAX_SAFE_INTEGER)
const configs = fc
  .uniqueArray(
    fc.record({
      name: texts,
      basePath: texts.map((text) => `/${text}`),
      modelPlatform: fc.constant('tensorflow' as const),
      versionPolicy: fc.oneof(
        fc.record({ kind: fc.constant('latest' as const), numVersions: fc.integer({ min: 1 }) }),
        fc.constant({ kind: 'all' as const }),
        fc.record({
          kind: fc.constant('specific' as const),
          versions: fc.array(versions, { minLength: 1, maxLength: 5 }),
        }),
      ),
      versionLabels: fc.dictionary(texts, versions, { noNullPrototype: true }),
    }),
    { selector: ({ name }) => name, maxLength: 10 },
  )
  .map((models) => ({ models }))

test('what is rendered is read back as it was, whatever is in the names', () => {
  fc.assert(
    fc.property(configs, (config) => {
      expect(ModelServerConfig.parse(config)).toEqual(config)
      expect(parseModelServerConfig(renderModelServerConfig(config))).toEqual(config)
    }),
    { numRuns: 300 },
  )
})

test('no name breaks out of its string: a rendered config has its own lines only', () => {
  fc.assert(
    fc.property(configs, (config) => {
      const labels = config.models.flatMap((each) => Object.keys(each.versionLabels))
      const lines = renderModelServerConfig(config).split('\n')

      expect(lines).toHaveLength(3 + 6 * config.models.length + labels.length)
      expect(lines.every((line) => /^[\x20-\x7e]*$/.test(line))).toBe(true)
    }),
  )
})

test('anything else is refused with a ModelConfigError', () => {
  const pieces = fc.constantFrom(
    'model_config_list',
    'config',
    'name',
    ':',
    '{',
    '}',
    '<',
    '>',
    '[',
    ']',
    ',',
    ';',
    '"a"',
    "'",
    '-',
    '1',
    '#',
    '\n',
    '\\',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      let outcome: unknown
      try {
        outcome = parseModelServerConfig(parts.join(' ')).models
      } catch (error) {
        outcome = error
      }
      expect(outcome).toSatisfy((it) => it instanceof ModelConfigError || Array.isArray(it))
    }),
    { numRuns: 1_000 },
  )
})
