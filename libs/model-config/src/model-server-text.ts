import { ModelConfigCode } from './errors.ts'
import { readProtobufText, type TextField, type TextValue } from './protobuf-text.ts'
import type {
  ModelServerConfig,
  ModelServerModel,
  ModelType,
  VersionPolicy,
} from './model-server-config.ts'
import { FieldReader } from './protobuf-fields.ts'

const MODELS_MAX = 1_000_000
const LABELS_MAX = 10_000
const VERSIONS_MAX = 10_000
const SAMPLINGS_MAX = 10_000

const LIST = 'model_config_list'
const CUSTOM = 'custom_model_config'
const TOP_FIELDS = new Set([LIST, CUSTOM])
const TYPES: Readonly<Record<string, ModelType>> = {
  MODEL_TYPE_UNSPECIFIED: 'UNSPECIFIED',
  TENSORFLOW: 'TENSORFLOW',
  OTHER: 'OTHER',
  '0': 'UNSPECIFIED',
  '1': 'TENSORFLOW',
  '2': 'OTHER',
}
const MODEL_FIELDS = {
  name: 1,
  base_path: 1,
  model_type: 1,
  model_platform: 1,
  logging_config: 1,
  model_version_policy: 1,
  version_labels: LABELS_MAX,
}
const POLICIES = { latest: 1, all: 1, specific: 1 }

/**
 * Reads a `ModelServerConfig` in protobuf's text format. Throws `ModelConfigError` with line and
 * column for what is not the text format, and for fields that are unknown, given twice or of another
 * type. Whether it asks for what may be asked for is `checkModelServerConfig`'s to say.
 */
export function parseModelServerConfig(text: string): ModelServerConfig {
  const steps = readModelServerConfig(text)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Reads the same; yields after each model, so that a long list can be read in slices. */
export function* readModelServerConfig(text: string): Generator<void, ModelServerConfig> {
  const { events, error } = readProtobufText(text, (name) => name === LIST)
  const reader = new ModelReader(error)
  const models: ModelServerModel[] = []
  let isListed = false
  let isInside = false
  for (const event of events) {
    if (event.kind === 'name') {
      if (!TOP_FIELDS.has(event.name)) throw reader.unknown('ModelServerConfig', event)
    } else if (event.kind === 'close') isInside = false
    else if (event.kind === 'open') {
      if (isListed) throw reader.twice({ ...event })
      isListed = true
      isInside = true
    } else if (!isInside) {
      const { at } = event.field.value
      throw error(at, `${CUSTOM} is not supported`, ModelConfigCode.FIELD)
    } else {
      if (models.length === MODELS_MAX)
        throw error(event.field.at, `more than ${MODELS_MAX} models`, ModelConfigCode.TOO_LARGE)
      models.push(reader.entry(event.field))
      yield
    }
  }
  return { models, ...(!isListed && { isEmpty: true as const }) }
}

/** Makes models of messages. */
class ModelReader extends FieldReader {
  /** A field of the list. */
  entry(field: TextField): ModelServerModel {
    if (field.name !== 'config') throw this.unknown('ModelConfigList', field)
    return this.#model(field.value)
  }

  #model(value: TextValue): ModelServerModel {
    const {
      name: [name] = [],
      base_path: [basePath] = [],
      model_type: [type] = [],
      model_platform: [platform] = [],
      logging_config: [logging] = [],
      model_version_policy: [policy] = [],
      version_labels: labels = [],
    } = this.byName('ModelConfig', value, MODEL_FIELDS)
    if (logging !== undefined) this.#logging(logging)
    return {
      name: this.text(name),
      basePath: this.text(basePath),
      modelPlatform: this.text(platform),
      ...(type !== undefined && { modelType: this.#type(type) }),
      versionPolicy: policy === undefined ? this.#latest(undefined) : this.#policy(policy),
      versionLabels: Object.fromEntries(labels.map((each) => this.#label(each))),
      ...(logging !== undefined && { hasLogging: true as const }),
    }
  }

  #type(value: TextValue): ModelType {
    const name = value.kind === 'scalar' ? value.value : ''
    const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined
    if (type !== undefined) return type
    // Any number is a value of an open enumeration.
    if (/^-?\d/.test(name)) return this.int64(value) === 1n ? 'TENSORFLOW' : 'OTHER'
    throw this.wrong(value, `Unknown enumeration value of "${name}" for field "model_type".`)
  }

  #policy(value: TextValue): VersionPolicy {
    const fields = this.byName('ServableVersionPolicy', value, POLICIES)
    const [first, second] = this.message(value)
    if (first !== undefined && second !== undefined)
      throw this.wrong(
        second.value,
        `Field "${second.name}" is specified along with field "${first.name}", ` +
          'another member of oneof "policy_choice".',
      )
    const { latest: [latest] = [], all: [all] = [], specific: [specific] = [] } = fields
    if (all !== undefined) {
      this.byName('All', all, {})
      return { kind: 'all' }
    }
    return specific === undefined ? this.#latest(latest) : this.#specific(specific)
  }

  #specific(value: TextValue): VersionPolicy {
    const { versions = [] } = this.byName('Specific', value, { versions: VERSIONS_MAX })
    return { kind: 'specific', versions: versions.map((each) => this.int64(each)) }
  }

  #latest(value: TextValue | undefined): VersionPolicy {
    const fields = value && this.byName('Latest', value, { num_versions: 1 })
    // Upstream counts 0, which is also what an absent field means, as 1.
    return { kind: 'latest', numVersions: this.uint32(fields?.num_versions?.[0]) || 1 }
  }

  #label(value: TextValue): [string, bigint] {
    const fields = this.byName('VersionLabelsEntry', value, { key: 1, value: 1 })
    const label = this.text(fields.key?.[0])
    if (label === '__proto__') throw this.wrong(value, 'a label cannot be called __proto__')
    return [label, this.int64(fields.value?.[0])]
  }

  /** Looks whether it is a `LoggingConfig`; nothing of it has an effect. */
  #logging(value: TextValue): void {
    const { log_collector_config, sampling_config } = this.byName('LoggingConfig', value, {
      log_collector_config: 1,
      sampling_config: 1,
      custom_logging_config: 1,
    })
    const [collector] = log_collector_config ?? []
    if (collector) this.byName('LogCollectorConfig', collector, { type: 1, filename_prefix: 1 })
    const [sampling] = sampling_config ?? []
    if (sampling === undefined) return
    const { per_task_sampling_configs } = this.byName('SamplingConfig', sampling, {
      sampling_rate: 1,
      per_task_sampling_configs: SAMPLINGS_MAX,
      attributes: 1,
    })
    for (const each of per_task_sampling_configs ?? [])
      this.byName('PerTaskSamplingConfig', each, { dc: 1, task_index: 1, sampling_rate: 1 })
  }
}
