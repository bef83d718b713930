import { lstat, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { type ModelId, parseServedName, ServedName } from '@drover/model-config'
import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import { checkFolder } from '../saved-model-hint.ts'
import { findTenantSpec } from '../views.ts'
import type { Context } from './context.ts'
import { digestOfFile, sendSpec, waitUntilServed } from './onboard.ts'

const FILES_MAX = 10_000

const Pushed = z.object({ version: z.int() })

interface PushedFile {
  path: string
  absolute: string
  sizeBytes: number
  sha256: string
}

/**
 * `drover push <tenant>.<model> <dir>`: a SavedModel that was trained elsewhere goes through the
 * same claim, manifest, gate and publication. Declares the model if the tenant does not have it.
 */
export async function pushCommand(
  context: Context,
  name: string,
  directory: string,
  options: { wait: boolean; timeout: number },
): Promise<void> {
  if (!ServedName.safeParse(name).success) {
    throw new CliError(Exit.USAGE, `${JSON.stringify(name)} is no <tenant>.<model>`)
  }
  const startedAt = performance.now()
  const version = await pushModel(context, name, { directory, fleet: 'main' })
  if (options.wait) return await waitUntilServed(context, [name], options.timeout, startedAt)
  context.output.result({ name, version }, [`${name} has version ${version}`])
}

/** Uploads a SavedModel as the next version of a model; a client that is new joins the fleet. */
export async function pushModel(
  context: Context,
  name: string,
  { directory, fleet }: { directory: string; fleet: string },
): Promise<number> {
  const { tenant, model } = parseServedName(name)
  await checkFolder(directory)
  const files = await readFiles(directory)
  await declare(context, { tenant, model }, fleet)
  for (const { absolute, sha256 } of files) {
    await context.scheduler.uploadFile(`/v1/data/${tenant}/${model}/${sha256}`, absolute)
  }
  const { version } = await context.scheduler.send(
    'POST',
    `/v1/tenants/${tenant}/models/${model}/versions`,
    { files: files.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 })) },
    Pushed,
  )
  return version
}

async function readFiles(directory: string): Promise<PushedFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  if (files.length > FILES_MAX) {
    throw new CliError(Exit.USAGE, `${directory} has more than ${FILES_MAX} files`)
  }
  return await Promise.all(
    files.map(async (entry) => {
      const absolute = join(entry.parentPath, entry.name)
      if (!entry.isFile()) throw new CliError(Exit.USAGE, `${absolute} is no plain file`)
      const path = relative(directory, absolute).split(sep).join('/')
      const { size } = await lstat(absolute)
      return { path, absolute, sizeBytes: size, sha256: await digestOfFile(absolute) }
    }),
  )
}

async function declare(context: Context, { tenant, model }: ModelId, fleet: string): Promise<void> {
  const spec = await findTenantSpec(context, tenant)
  if (spec?.models[model] !== undefined) return
  const models = {
    ...spec?.models,
    [model]: { recipe: { name: 'push' as const }, gate: { improvementMin: 0, rowsMin: 50 } },
  }
  await sendSpec(context, tenant, { fleet, weight: 1, ...spec, models })
}
