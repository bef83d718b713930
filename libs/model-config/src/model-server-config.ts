import { z } from 'zod'
import { ModelConfigCode } from './errors.ts'
import {
  type ParsedText,
  parseProtobufText,
  renderProtobufString,
  type TextField,
  type TextValue,
} from './protobuf-text.ts'

const MODELS_MAX = 1_000_000
const VERSIONS_MAX = 10_000
const LABELS_MAX = 10_000
const TEXT_MAX = 4_096

/** Text that UTF-8 can carry: half of a surrogate pair would come back as another character. */
const Text = z
  .string()
  .min(1)
  .max(TEXT_MAX)
  .refine((text) => !/\p{Surrogate}/u.test(text), 'half of a surrogate pair')

/** A version's number as TensorFlow Serving counts: 0 is one. */
const ServingVersion = z.int().nonnegative()

/** Which versions of a model are served. */
export const VersionPolicy = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('latest'), numVersions: z.int().min(1) }),
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({
    kind: z.literal('specific'),
    versions: z.array(ServingVersion).min(1).max(VERSIONS_MAX),
  }),
])
export type VersionPolicy = z.output<typeof VersionPolicy>

/** One model of a `ModelServerConfig`. */
export const ModelServerModel = z.strictObject({
  name: Text,
  basePath: Text.regex(/^(\/|[A-Za-z][-+.A-Za-z0-9]*:\/\/)/, 'an absolute path or a URI'),
  modelPlatform: z.literal('tensorflow'),
  versionPolicy: VersionPolicy.default({ kind: 'latest', numVersions: 1 }),
  // An object cannot have this key as one of its own in every way of copying it.
  versionLabels: z
    .record(
      Text.refine((label) => label !== '__proto__'),
      ServingVersion,
    )
    .default({}),
})
export type ModelServerModel = z.output<typeof ModelServerModel>

/** TensorFlow Serving's `ModelServerConfig`: every model that a server is to serve. */
export const ModelServerConfig = z.strictObject({
  models: z
    .array(ModelServerModel)
    .max(MODELS_MAX)
    .refine(
      (models) => new Set(models.map(({ name }) => name)).size === models.length,
      'a model is listed twice',
    ),
})
export type ModelServerConfig = z.output<typeof ModelServerConfig>

/** The config as `tensorflow_model_server --model_config_file` reads it, in the order given. */
export function renderModelServerConfig({ models }: ModelServerConfig): string {
  return ['model_config_list {', ...models.flatMap(renderModel), '}', ''].join('\n')
}

function renderModel(model: ModelServerModel): string[] {
  const labels = Object.entries(model.versionLabels).map(
    ([label, version]) =>
      `    version_labels { key: ${renderProtobufString(label)} value: ${version} }`,
  )
  return [
    '  config {',
    `    name: ${renderProtobufString(model.name)}`,
    `    base_path: ${renderProtobufString(model.basePath)}`,
    `    model_platform: ${renderProtobufString(model.modelPlatform)}`,
    `    model_version_policy { ${renderPolicy(model.versionPolicy)} }`,
    ...labels,
    '  }',
  ]
}

function renderPolicy(policy: VersionPolicy): string {
  switch (policy.kind) {
    case 'latest':
      return `latest { num_versions: ${policy.numVersions} }`
    case 'all':
      return 'all { }'
    case 'specific':
      return `specific { ${policy.versions.map((each) => `versions: ${each}`).join(' ')} }`
  }
}

/**
 * Reads a `ModelServerConfig` in protobuf's text format. Throws `ModelConfigError` with line and
 * column for what is not the text format, and for fields that are unknown here, given twice or
 * wrong. Request logging, `model_type` and custom configs are not known here.
 */
export function parseModelServerConfig(text: string): ModelServerConfig {
  const reader = new Reader(parseProtobufText(text))
  return { models: reader.models() }
}

const int64Max = 2n ** 63n - 1n

class Reader {
  readonly #parsed: ParsedText

  constructor(parsed: ParsedText) {
    this.#parsed = parsed
  }

  models(): ModelServerModel[] {
    const { model_config_list: list } = this.#byName(this.#parsed.fields, { model_config_list: 1 })
    if (list?.[0] === undefined) return []
    const { config = [] } = this.#byName(this.#message(list[0]), { config: MODELS_MAX })
    const names = new Set<string>()
    return config.map((value) => {
      const model = this.#model(value)
      if (names.has(model.name)) {
        throw this.#wrong(
          value,
          `Illegal to list model ${model.name} multiple times in config list`,
        )
      }
      names.add(model.name)
      return model
    })
  }

  #model(value: TextValue): ModelServerModel {
    const fields = this.#byName(this.#message(value), {
      name: 1,
      base_path: 1,
      model_platform: 1,
      model_version_policy: 1,
      version_labels: LABELS_MAX,
    })
    const [policy] = fields.model_version_policy ?? []
    const model = ModelServerModel.safeParse({
      name: this.#string(fields.name?.[0], ''),
      basePath: this.#string(fields.base_path?.[0], ''),
      modelPlatform: this.#string(fields.model_platform?.[0], ''),
      ...(policy !== undefined && { versionPolicy: this.#policy(policy) }),
      versionLabels: Object.fromEntries(
        (fields.version_labels ?? []).map((each) => this.#label(each)),
      ),
    })
    if (model.success) return model.data
    throw this.#wrong(value, z.prettifyError(model.error), model.error)
  }

  #policy(value: TextValue): VersionPolicy {
    const message = this.#message(value)
    const { latest, all, specific } = this.#byName(message, { latest: 1, all: 1, specific: 1 })
    if (message.length > 1) throw this.#wrong(value, 'a model has one version policy')
    if (all?.[0] !== undefined) {
      this.#byName(this.#message(all[0]), {})
      return { kind: 'all' }
    }
    if (specific?.[0] !== undefined) {
      const fields = this.#byName(this.#message(specific[0]), { versions: VERSIONS_MAX })
      const versions = (fields.versions ?? []).map((each) => this.#int(each))
      return { kind: 'specific', versions }
    }
    const fields = latest?.[0] && this.#byName(this.#message(latest[0]), { num_versions: 1 })
    // Upstream counts 0, which is also what an absent field means, as 1.
    return { kind: 'latest', numVersions: this.#int(fields?.num_versions?.[0]) || 1 }
  }

  #label(value: TextValue): [string, number] {
    const { key, value: version } = this.#byName(this.#message(value), { key: 1, value: 1 })
    const label = this.#string(key?.[0], '')
    if (label === '__proto__') throw this.#wrong(value, 'a label cannot be called __proto__')
    return [label, this.#int(version?.[0])]
  }

  /** The values of each field, where only the fields of the message may occur, so often at most. */
  #byName<Name extends string>(
    fields: readonly TextField[],
    counts: Record<Name, number>,
  ): Partial<Record<Name, TextValue[]>> {
    const isKnown = (name: string): name is Name => Object.hasOwn(counts, name)
    const values: Partial<Record<Name, TextValue[]>> = {}
    for (const { name, at, value } of fields) {
      if (!isKnown(name))
        throw this.#error(at, `there is no field ${name} here, or it is not supported`)
      const list = (values[name] ??= [])
      list.push(value)
      if (list.length > counts[name]) {
        throw this.#error(
          at,
          `${name} is given more than ${counts[name] === 1 ? 'once' : counts[name]}`,
        )
      }
    }
    return values
  }

  #message(value: TextValue): readonly TextField[] {
    if (value.kind !== 'message') throw this.#wrong(value, 'expected a message')
    return value.fields
  }

  #string(value: TextValue | undefined, absent: string): string {
    if (value === undefined) return absent
    if (value.kind !== 'string') throw this.#wrong(value, 'expected a string')
    return value.value
  }

  /** An int64 that JavaScript can count with; decimal, hexadecimal and octal as in C. */
  #int(value: TextValue | undefined): number {
    if (value === undefined) return 0
    const text = value.kind === 'scalar' ? value.value : ''
    if (!/^(0|[1-9]\d*|0[0-7]+|0[xX][0-9a-fA-F]+)$/.test(text)) {
      throw this.#wrong(value, 'expected an integer that is not negative')
    }
    const number = BigInt(/^0[0-7]/.test(text) ? `0o${text.slice(1)}` : text)
    if (number > int64Max) throw this.#wrong(value, `${text} is no int64`)
    if (number > Number.MAX_SAFE_INTEGER) {
      throw this.#wrong(value, `${text} is more than ${Number.MAX_SAFE_INTEGER}`)
    }
    return Number(number)
  }

  #wrong(value: TextValue, message: string, cause?: unknown) {
    return this.#error(value.at, message, cause)
  }

  #error(at: number, message: string, cause?: unknown) {
    return this.#parsed.error(at, message, ModelConfigCode.FIELD, cause)
  }
}
