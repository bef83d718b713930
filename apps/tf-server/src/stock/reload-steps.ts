import type { ServedModel } from '@drover/model-config'

/** What a stock server serves, by name. */
export type ServedModels = ReadonlyMap<string, ServedModel>

/**
 * The configs that a stock server is given one after another on its way to another one. It takes
 * a label only for a version that is loaded, and ends a version that no config names any more, so
 * where labels move both versions are loaded first, then the labels move, then the old ones go.
 */
export function reloadSteps(before: ServedModels, after: ServedModels): ServedModels[] {
  const moving = [...after.values()].filter((model) => {
    const old = before.get(model.name)
    return labelsOf(model) !== (old === undefined ? '' : labelsOf(old))
  })
  if (moving.length === 0) return [after]
  const beside = (labels: (model: ServedModel, old: ServedModel | undefined) => Labels) =>
    new Map([
      ...after,
      ...moving.map((model) => [model.name, besideOld(model, before, labels)] as const),
    ])
  const loaded = beside((_model, old) => old?.labels ?? {})
  if (moving.every(({ name }) => !before.has(name))) return [loaded, after]
  return [loaded, beside(({ labels }) => labels), after]
}

type Labels = ServedModel['labels']

function besideOld(
  model: ServedModel,
  before: ServedModels,
  labels: (model: ServedModel, old: ServedModel | undefined) => Labels,
): ServedModel {
  const old = before.get(model.name)
  const versions = [...new Set([...model.versions, ...(old?.versions ?? [])])]
  return { ...model, versions: versions.toSorted((a, b) => b - a), labels: labels(model, old) }
}

const labelsOf = ({ labels }: ServedModel): string =>
  JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
