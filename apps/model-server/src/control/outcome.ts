import { ServingError } from '@drover/serving-api'
import type { Model } from './model.ts'
import type { Models } from './models.ts'

/** What became of models that were waited for: an error in upstream's words, or nothing to say. */
export function outcomeOf(
  names: readonly string[],
  models: Models,
  failuresMax: number,
): ServingError | undefined {
  const failures: string[] = []
  const premature: string[] = []
  for (const name of names) {
    const model = models.get(name)
    // Somebody removed it in the meantime: then nobody asks what became of it.
    if (model === undefined || model.isRemoved) continue
    failures.push(...failuresOf(model))
    premature.push(...prematureOf(model))
  }
  if (failures.length === 0)
    return premature[0] === undefined
      ? undefined
      : new ServingError('FAILED_PRECONDITION', listed(premature, '; ', failuresMax))
  const text = `${failures.length} model(s) did not become available: {${listed(failures, '', failuresMax)}}`
  return new ServingError('UNKNOWN', [text, ...premature.slice(0, failuresMax)].join('; '))
}

function listed(texts: readonly string[], between: string, max: number): string {
  const more = texts.length > max ? `${between}and ${texts.length - max} more` : ''
  return `${texts.slice(0, max).join(between)}${more}`
}

/** Nothing where one of the wanted versions is available: so upstream counts. */
function failuresOf(model: Model): string[] {
  const { name, wanted } = model
  const tries = wanted.versions.map((version) => ({ ...version, found: model.tryOf(version) }))
  const isThere = tries.some(({ found }) => found?.state === 'AVAILABLE')
  if (isThere && !wanted.isOutdated) return []
  const why = wanted.fault ?? wanted.pending
  if (wanted.isOutdated || tries.length === 0)
    return [`{{name: ${name}} due to error: ${why ?? 'it has no versions'}}, `]
  return tries.map(({ version, found }) => {
    const error = found?.error ?? `it is still ${found?.state ?? 'unknown'}`
    return `{{name: ${name} version: ${version}} due to error: ${error}}, `
  })
}

/** Labels that are not where they are to be. */
function prematureOf({ name, wanted, labels }: Model): string[] {
  return Object.entries(wanted.labels).flatMap(([label, version]) =>
    labels.get(label) === version
      ? []
      : [
          `Request to assign label to version ${version} of model ${name}, ` +
            'which is not currently available for inference',
        ],
  )
}
