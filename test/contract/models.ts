// The models that the contract's cases ask, and how they come to a server.

import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { halfPlusThree, halfPlusTwo, twoClasses } from './models/half-plus.ts'
import { pair, rowsOf, scalar, sleepy, square, types } from './models/small.ts'

/** Every character that upstream's own test has in a name. */
export const ODD_NAME = "modelname!#$%&'()*+,/:;=?@[]"
export const ODD_LABEL = 'label/of: ü'

/** A model on disk, and what its config says besides. */
interface Written {
  versions: Readonly<Record<string, Uint8Array>>
  more?: string
}

/** Versions are seen at once, as what has been there for long is. */
const AGE_S = 60

/** Writes `<root>/<folder>/<version>/saved_model.pb`; gives the base path. */
export async function writeModel(
  root: string,
  folder: string,
  versions: Readonly<Record<string, Uint8Array>>,
): Promise<string> {
  const basePath = join(root, folder)
  const then = Date.now() / 1_000 - AGE_S
  for (const [version, bytes] of Object.entries(versions)) {
    const file = join(basePath, version, 'saved_model.pb')
    await mkdir(join(basePath, version), { recursive: true })
    await writeFile(file, bytes)
    await utimes(file, then, then)
  }
  return basePath
}

/** One entry of a models.config. */
export const configOf = (name: string, basePath: string, more = ''): string =>
  `  config { name: ${JSON.stringify(name)}, base_path: ${JSON.stringify(basePath)}, ` +
  `model_platform: "tensorflow" ${more} }`

/** A whole models.config. */
export const configList = (entries: readonly string[]): string =>
  `model_config_list {\n${entries.join('\n')}\n}\n`

/** Writes the models of the cases; gives a models.config that serves them, and the names of those that load. */
export async function writeModels(root: string): Promise<{ text: string; names: string[] }> {
  const two = halfPlusTwo()
  const three = halfPlusThree()
  const models: Record<string, Written> = {
    default: { versions: { '00000123': two } },
    two: {
      versions: { '00000123': two, '00000124': two },
      more:
        'model_version_policy { specific { versions: 123 } } ' +
        "version_labels { key: 'Version_Label' value: 123 }",
    },
    [ODD_NAME]: {
      versions: { '1': two },
      more: `version_labels { key: ${JSON.stringify(ODD_LABEL)} value: 1 }`,
    },
    many: {
      versions: { '1': two, '3': three, '10': three },
      more: "model_version_policy { all {} } version_labels { key: 'first' value: 1 }",
    },
    three: { versions: { '00000123': three } },
    classes: { versions: { '1': twoClasses() } },
    types: { versions: { '1': types() } },
    scalar: { versions: { '1': scalar() } },
    scalars: { versions: { '1': square() } },
    pair: { versions: { '1': pair() } },
    none: { versions: { '1': rowsOf(0) } },
    uneven: { versions: { '1': rowsOf(1, { all: true }) } },
    sleepy: { versions: { '1': sleepy() } },
  }
  const entries: string[] = []
  for (const [index, [name, { versions, more }]] of Object.entries(models).entries()) {
    const basePath = await writeModel(root, `model-${index}`, versions)
    entries.push(configOf(name, basePath, more))
  }
  const broken = await writeModel(root, 'broken', { '1': Buffer.from('no SavedModel') })
  entries.push(configOf('broken', broken))
  return { text: configList(entries), names: Object.keys(models) }
}
