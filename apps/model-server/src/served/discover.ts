import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelServerModel, ServedModel, VersionPolicy } from '@drover/model-config'
import type { WantedModel, WantedVersion } from './model.ts'

const VERSION_NAME = /^\d{1,16}$/

/** What a delta wants: its versions are where they are said to be. */
export function wantedOf({ name, basePath, versions, labels }: ServedModel): WantedModel {
  const named = versions.map((version) => ({ version, directory: join(basePath, `${version}`) }))
  return { name, versions: named, labels }
}

/**
 * What a model of a config file wants now: the versions that are on disk, by its policy. A base path
 * that cannot be read is an error of this model only, and the caller's to tell.
 */
export async function discover(model: ModelServerModel): Promise<WantedModel> {
  const names = await readdir(model.basePath)
  const found = names.flatMap((name) => {
    const version = VERSION_NAME.test(name) ? Number(name) : NaN
    return Number.isSafeInteger(version) ? [{ version, directory: join(model.basePath, name) }] : []
  })
  // `1` and `01` are one version; which of them is taken is not said anywhere.
  const versions = [...new Map(found.map((each) => [each.version, each])).values()]
  return {
    name: model.name,
    versions: choose(versions, model.versionPolicy),
    labels: model.versionLabels,
  }
}

function choose(versions: readonly WantedVersion[], policy: VersionPolicy): WantedVersion[] {
  switch (policy.kind) {
    case 'all':
      return [...versions]
    case 'specific':
      return versions.filter(({ version }) => policy.versions.includes(version))
    case 'latest':
      return versions.toSorted((a, b) => b.version - a.version).slice(0, policy.numVersions)
  }
}
