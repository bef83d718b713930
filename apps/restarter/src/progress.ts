import type { Rollout } from '@drover/model-config'
import { type DeploymentView, isSamePair, type SeenDeployment } from './observed.ts'

/** For how many numbers of pods and pod templates the progress of one step is kept apart. */
const AIMS_MAX = 100
/** How many of these give a step all its time again: a fleet whose size never stands still has an end too. */
const NEW_AIMS_MAX = 5
/** A pair that stood for less was taken away as soon as it was there. */
const KEPT_MS = 30_000

interface Pods {
  replicas: number
  updated: number
  available: number
  existing: number
}

/** How far pods are replaced: one that is new counts, and an old one less. */
export function progressOf({ updated, available, existing, replicas }: Pods): number {
  return updated + Math.min(available, replicas) - Math.max(0, existing - replicas)
}

/** How a Deployment comes to what a step of a rollout wants it to be. */
export interface Progress {
  /** How far it came at most, for each number of pods and each template that it was to be of. */
  furthest: ReadonlyMap<string, number>
  /** When it last came any further, or was to be something else. */
  progressSince: number
  /** Since when it has the pair; undefined while it has not. */
  metSince: number | undefined
  /** Since when it has not kept the pair; undefined once it has kept it for a while. */
  unmetSince: number | undefined
}

/** The progress after one more look; `before` is that of the same step, if it was known. Pure. */
export function progressAfter(
  before: Progress | undefined,
  rollout: Rollout,
  { deployment, now }: { deployment: DeploymentView; now: number },
): Progress {
  const known = before ?? { ...NONE, progressSince: now }
  const wanted = wantedOf(rollout, deployment)
  if (wanted === undefined) {
    return { ...known, metSince: undefined, unmetSince: known.unmetSince ?? now }
  }
  const metSince = known.metSince ?? now
  const unmetSince = now - metSince < KEPT_MS ? known.unmetSince : undefined
  return { ...known, ...furtherOf(known, wanted, now), metSince, unmetSince }
}

const NONE = { furthest: new Map<string, number>(), metSince: undefined, unmetSince: undefined }

/** What changes when it has come further than ever. */
function furtherOf(
  { furthest }: Progress,
  { replicas, templateSha, progress }: SeenDeployment,
  now: number,
): Partial<Progress> {
  // Half of forty pods are more than all of ten, and other pods begin anew.
  const aim = `${replicas} ${templateSha}`
  const known = furthest.get(aim)
  // What only comes and goes is none: a pod that gets ready and dies in turn never ends.
  if (known === undefined ? furthest.size >= AIMS_MAX : progress <= known) return {}
  const next = { furthest: new Map(furthest).set(aim, progress) }
  return known === undefined && furthest.size >= NEW_AIMS_MAX
    ? next
    : { ...next, progressSince: now }
}

/** The Deployment, if it has the pair of the step: the pods of another one do not count. */
function wantedOf({ step }: Rollout, deployment: DeploymentView): SeenDeployment | undefined {
  if (deployment.kind !== 'seen' || step.template === undefined) return undefined
  return isSamePair(deployment.pair, step.template.to) ? deployment : undefined
}
