import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ModelServerConfig, renderModelServerConfig, ServedModel } from '@drover/model-config'
import { z } from 'zod'
import type { ServedModels } from './reload-steps.ts'

const Served = z.array(ServedModel)

/** What a stock server was told to serve last, on disk. */
export interface ServedFile {
  readonly value: ServedModels
  /** TF Serving's own text of it, which a stock server reads when it starts. */
  readonly configPath: string
  write(models: ServedModels): Promise<void>
}

/** Reads what an earlier life of this process wrote; what cannot be read counts as nothing. */
export async function openServedFile(folder: string): Promise<ServedFile> {
  const path = join(folder, 'served.json')
  const configPath = join(folder, 'models.config')
  await mkdir(folder, { recursive: true })
  const content = await readFile(path, 'utf8').catch(() => '[]')
  const file = {
    value: read(content),
    configPath,
    async write(models: ServedModels) {
      const list = [...models.values()]
      await replace(path, JSON.stringify(list))
      await replace(configPath, renderModelServerConfig(configOf(list)))
      file.value = models
    },
  }
  await file.write(file.value)
  return file
}

function read(content: string): ServedModels {
  try {
    return new Map(Served.parse(JSON.parse(content)).map((model) => [model.name, model]))
  } catch {
    // It only saves loads: without it a sidecar is given all models anew.
    return new Map()
  }
}

async function replace(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`
  await writeFile(temporary, content)
  await rename(temporary, path)
}

/** Without labels: a stock server that starts with a label for a version that is not loaded ends. */
const configOf = (models: readonly ServedModel[]): ModelServerConfig => ({
  models: models.map(({ name, basePath, versions }) => ({
    name,
    basePath,
    modelPlatform: 'tensorflow',
    versionPolicy: { kind: 'specific', versions: versions.map(BigInt) },
    versionLabels: {},
  })),
})
