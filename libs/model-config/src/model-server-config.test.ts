import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ModelConfigError } from './errors.ts'
import { ModelServerConfig, renderModelServerConfig } from './model-server-config.ts'
import { parseModelServerConfig } from './model-server-text.ts'

const texts = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => !/\p{Surrogate}/u.test(text) && text !== '__proto__')
const versions = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const configs = fc
  .uniqueArray(
    fc.record({
      name: texts,
      basePath: texts.map((text) => `/${text}`),
      modelPlatform: fc.constant('tensorflow'),
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
