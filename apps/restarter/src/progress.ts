import type { Rollout } from '@drover/model-config'
import { type DeploymentView, isSamePair, type SeenDeployment } from './observed.ts'

/** For how many numbers of pods and pod templates the progress of one step is kept apart. */
const AIMS_MAX = 100

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
  /** Since when it does not have the pair; undefined while it has. */
  unmetSince: number | undefined
}

/** The progress after one more look; `before` is that of the same step, if it was known. Pure. */
export function progressAfter(
  before: Progress | undefined,
  rollout: Rollout,
  { deployment, now }: { deployment: DeploymentView; now: number },
): Progress {
  const { furthest = new Map<string, number>(), progressSince = now } = before ?? {}
  const wanted = wantedOf(rollout, deployment)
  if (wanted === undefined) {
    return { furthest, progressSince, unmetSince: before?.unmetSince ?? now }
  }
  // Half of forty pods are more than all of ten, and other pods begin anew.
  const aim = `${wanted.replicas} ${wanted.templateSha}`
  const known = furthest.get(aim)
  // What only comes and goes is none: a pod that gets ready and dies in turn never ends.
  const isFurther = known === undefined ? furthest.size < AIMS_MAX : wanted.progress > known
  if (!isFurther) return { furthest, progressSince, unmetSince: undefined }
  return {
    furthest: new Map(furthest).set(aim, wanted.progress),
    progressSince: now,
    unmetSince: undefined,
  }
}

/** The Deployment, if it has the pair of the step: the pods of another one do not count. */
function wantedOf({ step }: Rollout, deployment: DeploymentView): SeenDeployment | undefined {
  if (deployment.kind !== 'seen' || step.template === undefined) return undefined
  return isSamePair(deployment.pair, step.template.to) ? deployment : undefined
}
