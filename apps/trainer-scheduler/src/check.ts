import type { ModelId, ModelSpec } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { ApiError } from '@drover/service'
import { DATA_BYTES_MAX } from '@drover/training'
import { z } from 'zod'
import type { Commands } from './config.ts'
import { describeData, findUpload, resolveDataFile } from './data.ts'
import { RunFailure } from './failure.ts'

const FAULTS_SHOWN_MAX = 20

/** What a spec is checked against beside its schema. */
export interface CheckPlaces {
  store: ModelStore
  commands: Commands
  dataRoot: string | undefined
}

/**
 * Refuses, before anything is written, a model that no training could come of: an ApiError 400 that
 * names the field and says what to change.
 */
export async function checkModel(
  places: CheckPlaces,
  model: ModelId,
  spec: ModelSpec,
): Promise<void> {
  const fault = recipeFault(spec, places.commands) ?? (await dataFault(places, model, spec))
  if (fault !== undefined) throw new ApiError(400, `models.${model.model}.${fault}`)
}

function recipeFault({ recipe }: ModelSpec, commands: Commands): string | undefined {
  switch (recipe.name) {
    case 'tabular-classifier':
      return Object.hasOwn(recipe.columns, recipe.label)
        ? `recipe.columns.${recipe.label}: it is the label, which no column may be`
        : undefined
    case 'text-classifier':
      return recipe.label === recipe.text
        ? `recipe.text: ${recipe.text} is the label as well`
        : undefined
    case 'command':
      return Object.hasOwn(commands, recipe.command)
        ? undefined
        : `recipe.command: ${recipe.command} is not in the operator's list of commands`
    case 'push':
      return undefined
  }
}

async function dataFault(
  { store, dataRoot }: CheckPlaces,
  model: ModelId,
  { data, recipe }: ModelSpec,
): Promise<string | undefined> {
  if (data === undefined) return undefined
  if ('upload' in data) {
    const record = await findUpload(store, model, data.upload)
    if (record === undefined) {
      const path = `/v1/data/${model.tenant}/${model.model}/${data.upload}`
      return `data.upload: ${data.upload} is not in the store; PUT it to ${path} first`
    }
    // A run would copy all of it, in a slot that others wait for, only to say the same.
    if (recipe.name === 'command' || record.sizeBytes <= DATA_BYTES_MAX) return undefined
    return `data.upload: ${describeData(data)} has ${record.sizeBytes} bytes, and the recipe ${recipe.name} takes ${DATA_BYTES_MAX} at most`
  }
  try {
    await resolveDataFile(dataRoot, model.tenant, data.file)
    return undefined
  } catch (error) {
    if (error instanceof RunFailure && error.failure === 'data')
      return `data.file: ${error.message}`
    throw error
  }
}

/** Checks a caller's value; an ApiError 400 names each field that is wrong and says what it may be. */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, []))
  throw new ApiError(400, faults.slice(0, FAULTS_SHOWN_MAX).join('; '), { cause: parsed.error })
}

function faultsOf(issue: z.core.$ZodIssue, above: PropertyKey[]): string[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_key') return issue.issues.flatMap((each) => faultsOf(each, path))
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const [closest = []] = issue.errors.toSorted((a, b) => a.length - b.length)
    return closest.flatMap((each) => faultsOf(each, path))
  }
  return [path.length === 0 ? issue.message : `${path.map(String).join('.')}: ${issue.message}`]
}
