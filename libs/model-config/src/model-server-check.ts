import { ModelConfigCode, ModelConfigError } from './errors.ts'
import type { ModelServerConfig, ModelServerModel } from './model-server-config.ts'

const PLATFORM = 'tensorflow'
/** The number of the deprecated `model_type`'s value, by which upstream names it. */
const TYPE_NUMBERS = { UNSPECIFIED: 0, TENSORFLOW: 1, OTHER: 2 } as const

/**
 * Throws `ModelConfigError` REFUSED, in upstream's words, for a config that is refused as a whole: a
 * name twice, a relative base path, a platform that is missing, unknown, or another than that of
 * the model of this name so far. Yields between models, so that a long list can be checked in slices.
 */
export function* checkModelServerConfig(
  { models }: ModelServerConfig,
  current: (name: string) => ModelServerModel | undefined,
): Generator<void, void> {
  const names = new Set<string>()
  for (const model of models) {
    if (names.has(model.name))
      throw refused(`Illegal to list model ${model.name} multiple times in config list`)
    names.add(model.name)
    checkBasePath(model)
    checkPlatform(model, current(model.name))
    yield
  }
}

function checkBasePath({ name, basePath }: ModelServerModel): void {
  if (!/^(\/|[A-Za-z][0-9A-Za-z.]*:\/\/)/.test(basePath))
    throw refused(
      `Expected model ${name} to have an absolute path or URI; got base_path()=${basePath}`,
    )
}

function checkPlatform(model: ModelServerModel, current: ModelServerModel | undefined): void {
  const platform = platformOf(model)
  const before = current === undefined ? platform : platformOf(current)
  if (platform !== before)
    throw refused(
      `Illegal to change a model's platform. For model ${model.name} platform was ${before} ` +
        `and new platform requested is ${platform}`,
    )
  if (platform !== PLATFORM)
    throw refused(`Model ${model.name} requests unsupported platform ${platform}`)
}

function platformOf({ name, modelPlatform, modelType = 'UNSPECIFIED' }: ModelServerModel): string {
  const setting = (what: string) =>
    refused(
      `Illegal setting ${what} ModelServerConfig::model_type (deprecated) ` +
        `${what === 'both' ? 'and' : 'nor'} ModelServerConfig::model_platform, model name is ${name}`,
    )
  if (modelType === 'UNSPECIFIED') {
    if (modelPlatform === '') throw setting('neither')
    return modelPlatform
  }
  if (modelPlatform !== '') throw setting('both')
  if (modelType === 'TENSORFLOW') return PLATFORM
  throw refused(`ModelServerConfig::model_type choice ${TYPE_NUMBERS[modelType]} not supported.`)
}

const refused = (message: string): ModelConfigError =>
  new ModelConfigError(ModelConfigCode.REFUSED, undefined, message)
