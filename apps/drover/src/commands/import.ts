import { readdir, readFile } from 'node:fs/promises'
import { ModelServerConfig, parseModelServerConfig, parseServedName } from '@drover/model-config'
import { CliError, Exit } from '../output.ts'
import { readTenant } from '../views.ts'
import type { Context } from './context.ts'
import { type ImportPlan, planImport } from './import-plan.ts'
import { checkName, waitUntilServed } from './onboard.ts'
import { pushModel } from './push.ts'

export interface ImportOptions {
  fleet: string
  tenantOf?: string
  allVersions?: boolean
  apply?: boolean
  wait: boolean
  timeout: number
}

/**
 * `drover import <models.config>`: takes over the models of a TF Serving set-up, each in the highest
 * version that it serves, or in all of them, as versions trained elsewhere. Only says what it would
 * do unless told to apply it; applies nothing while anything is refused. What is there already is
 * left alone, so that it may be repeated.
 */
export async function importCommand(
  context: Context,
  file: string,
  options: ImportOptions,
): Promise<void> {
  checkName('fleet', options.fleet)
  if (options.tenantOf !== undefined) checkName('tenant', options.tenantOf)
  const startedAt = performance.now()
  const plan = await planOf(context, file, options)
  const { imports, refusals } = plan
  if (options.apply !== true) context.output.result({ ...plan, applied: false }, linesOf(plan))
  if (refusals.length > 0) {
    const [{ from, why } = { from: '', why: '' }] = refusals
    const more = refusals.length > 1 ? `, and ${refusals.length - 1} more` : ''
    throw new CliError(Exit.CONFLICT, `nothing is taken over: ${from}: ${why}${more}`)
  }
  if (options.apply !== true) return
  for (const { name, directory, older } of imports) {
    for (const each of [...older, directory]) {
      const version = await pushModel(context, name, { directory: each, fleet: options.fleet })
      context.output.progress(`${name} has version ${version}`)
    }
  }
  const names = imports.map(({ name }) => name)
  if (options.wait) return await waitUntilServed(context, names, options.timeout, startedAt)
  context.output.result({ ...plan, applied: true }, [`${names.length} models are taken over`])
}

async function planOf(
  context: Context,
  file: string,
  { tenantOf, allVersions = false }: ImportOptions,
) {
  const { models } = await readConfig(file)
  const versions = new Map<string, bigint[] | undefined>()
  for (const { basePath } of models) versions.set(basePath, await versionsIn(basePath))
  // Whom a model would belong to is known once it has its name.
  const named = planImport({ models, versions, known: new Set(), tenantOf, allVersions })
  const known = new Set<string>()
  const tenants = new Set(named.imports.map(({ name }) => parseServedName(name).tenant))
  for (const tenant of tenants) {
    for (const model of await takenOver(context, tenant)) known.add(`${tenant}.${model}`)
  }
  return planImport({ models, versions, known, tenantOf, allVersions })
}

/** What a tenant has already, but for models that were declared and whose push was cut off then. */
async function takenOver(context: Context, tenant: string): Promise<string[]> {
  const found = await readTenant(context, tenant)
  if (found === undefined || found.trainer.tombstone) return []
  const { trainer, publisher } = found
  return Object.entries(trainer.spec.models).flatMap(([model, { recipe }]) => {
    const hasVersion = (publisher?.models[model]?.versions ?? []).length > 0
    return recipe.name !== 'push' || hasVersion ? [model] : []
  })
}

async function readConfig(file: string): Promise<ModelServerConfig> {
  try {
    return parseModelServerConfig(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new CliError(Exit.USAGE, `${file} is no models.config that can be read`, { cause })
  }
}

/** The numbers of the version folders; undefined where there is no folder to be read. */
async function versionsIn(path: string): Promise<bigint[] | undefined> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined)
  return entries
    ?.filter((entry) => entry.isDirectory() && /^\d{1,18}$/.test(entry.name))
    .map(({ name }) => BigInt(name))
}

function linesOf({ imports, known, refusals }: ImportPlan): string[] {
  return [
    ...imports.map(({ from, name, directory, notes }) =>
      [`${from} would be ${name}, from ${directory}`, ...notes].join('; '),
    ),
    ...known.map(({ from, name }) => `${from} is there already, as ${name}`),
    ...refusals.map(({ from, why }) => `${from} is refused: ${why}`),
    'Nothing was done: --apply does it',
  ]
}
