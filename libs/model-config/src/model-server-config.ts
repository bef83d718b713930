import { z } from 'zod'
import { renderProtobufString } from './protobuf-text.ts'

const MODELS_MAX = 1_000_000
const VERSIONS_MAX = 10_000
const TEXT_MAX = 4_096
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
const UINT32_MAX = 2 ** 32 - 1

/** Text that UTF-8 can carry: half of a surrogate pair would come back as another character. */
const Text = z
  .string()
  .max(TEXT_MAX)
  .refine((text) => !/\p{Surrogate}/u.test(text), 'half of a surrogate pair')

/** A version's number as TensorFlow Serving counts, an int64. A plain integer is taken as well. */
const ServingVersion = z
  .union([z.bigint().min(INT64_MIN).max(INT64_MAX), z.int()])
  .transform((version) => BigInt(version))

/** Which versions of a model are served. */
export const VersionPolicy = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('latest'), numVersions: z.int().min(1).max(UINT32_MAX) }),
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({
    kind: z.literal('specific'),
    versions: z.array(ServingVersion).max(VERSIONS_MAX),
  }),
])
export type VersionPolicy = z.output<typeof VersionPolicy>

/** The deprecated `model_type`; `UNSPECIFIED` is the same as leaving it out. */
export const ModelType = z.enum(['UNSPECIFIED', 'TENSORFLOW', 'OTHER'])
export type ModelType = z.output<typeof ModelType>

/** One model of a `ModelServerConfig`, as written; `checkModelServerConfig` says whether it may be so. */
export const ModelServerModel = z.strictObject({
  name: Text,
  basePath: Text,
  /** Empty where it was not given. */
  modelPlatform: Text,
  modelType: ModelType.optional(),
  versionPolicy: VersionPolicy.default({ kind: 'latest', numVersions: 1 }),
  // An object cannot have this key as one of its own in every way of copying it.
  versionLabels: z
    .record(
      Text.refine((label) => label !== '__proto__'),
      ServingVersion,
    )
    .default({}),
  /** Requests are to be logged; this server logs none. */
  hasLogging: z.literal(true).optional(),
})
export type ModelServerModel = z.output<typeof ModelServerModel>

/** TensorFlow Serving's `ModelServerConfig`: every model that a server is to serve. */
export const ModelServerConfig = z.strictObject({
  models: z.array(ModelServerModel).max(MODELS_MAX),
  /** There is no list at all in it, which is something else than an empty list. */
  isEmpty: z.literal(true).optional(),
})
export type ModelServerConfig = z.output<typeof ModelServerConfig>

/** The config as `tensorflow_model_server --model_config_file` reads it, in the order given. */
export function renderModelServerConfig({ models, isEmpty }: ModelServerConfig): string {
  if (isEmpty) return ''
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
    ...renderPlatform(model),
    `    model_version_policy { ${renderPolicy(model.versionPolicy)} }`,
    ...labels,
    ...(model.hasLogging ? ['    logging_config { }'] : []),
    '  }',
  ]
}

function renderPlatform({ modelPlatform, modelType }: ModelServerModel): string[] {
  const type = { UNSPECIFIED: 'MODEL_TYPE_UNSPECIFIED', TENSORFLOW: 'TENSORFLOW', OTHER: 'OTHER' }
  return [
    ...(modelPlatform === '' ? [] : [`    model_platform: ${renderProtobufString(modelPlatform)}`]),
    ...(modelType === undefined ? [] : [`    model_type: ${type[modelType]}`]),
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
