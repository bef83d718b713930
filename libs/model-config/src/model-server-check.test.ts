import { describe, expect, test } from 'vitest'
import { ModelConfigError } from './errors.ts'
import { checkModelServerConfig } from './model-server-check.ts'
import type { ModelServerModel } from './model-server-config.ts'

const check = (models: ModelServerModel[], current?: ModelServerModel): string => {
  try {
    const steps = checkModelServerConfig({ models }, () => current)
    while (!steps.next().done) continue
    return 'good'
  } catch (error) {
    return error instanceof ModelConfigError ? `${error.code} ${error.message}` : 'another error'
  }
}

describe('what may not be asked for is refused in the words of upstream', () => {
  const plain: ModelServerModel = {
    name: 'm',
    basePath: '/m',
    modelPlatform: 'tensorflow',
    versionPolicy: { kind: 'all' },
    versionLabels: {},
  }
  const SETTING = 'ModelServerConfig::model_type (deprecated)'

  test.each<[string, Partial<ModelServerModel>, string]>([
    ['a platform', {}, 'good'],
    ['a file URI', { basePath: 'file:///m' }, 'good'],
    ['another URI', { basePath: 'gs://bucket/m' }, 'good'],
    ['the deprecated type', { modelPlatform: '', modelType: 'TENSORFLOW' }, 'good'],
    ['an unspecified type beside a platform', { modelType: 'UNSPECIFIED' }, 'good'],
    [
      'a relative path',
      { basePath: 'models/m' },
      'REFUSED Expected model m to have an absolute path or URI; got base_path()=models/m',
    ],
    [
      'no platform',
      { modelPlatform: '' },
      `REFUSED Illegal setting neither ${SETTING} nor ModelServerConfig::model_platform, model name is m`,
    ],
    [
      'type and platform',
      { modelType: 'TENSORFLOW' },
      `REFUSED Illegal setting both ${SETTING} and ModelServerConfig::model_platform, model name is m`,
    ],
    [
      'another type',
      { modelPlatform: '', modelType: 'OTHER' },
      'REFUSED ModelServerConfig::model_type choice 2 not supported.',
    ],
    [
      'another platform',
      { modelPlatform: 'torch' },
      'REFUSED Model m requests unsupported platform torch',
    ],
  ])('%s', (_what, change, expected) => {
    expect(check([{ ...plain, ...change }])).toBe(expected)
  })

  test('a name twice', () => {
    expect(check([plain, { ...plain, name: 'n' }, plain])).toBe(
      'REFUSED Illegal to list model m multiple times in config list',
    )
  })

  test('another platform than so far', () => {
    expect(check([{ ...plain, modelPlatform: 'torch' }], plain)).toBe(
      "REFUSED Illegal to change a model's platform. For model m platform was tensorflow and new " +
        'platform requested is torch',
    )
    expect(check([plain], { ...plain, modelPlatform: '', modelType: 'TENSORFLOW' })).toBe('good')
  })
})
