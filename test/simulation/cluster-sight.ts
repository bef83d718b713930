import type { Rollout } from '@drover/model-config'
import { type DeploymentView, needsDeployment } from '@drover/restarter'
import { viewOf } from './cluster.ts'
import type { Fleet } from './fleet.ts'
import type { Steps } from './world.ts'

const KNOWN_MS = 2_000

/** What one restarter process knows of the Deployment. */
export interface ClusterSight {
  /** The rollout that its last look saw. */
  rollout: Rollout | undefined
  seen: { deployment: DeploymentView; isFresh: boolean }
  lookedAt: number | undefined
}

export const makeSight = (): ClusterSight => ({
  rollout: undefined,
  seen: { deployment: { kind: 'none' }, isFresh: true },
  lookedAt: undefined,
})

/** A look comes before the channel. Where nothing is decided by it, the last one will do. */
export function* lookAtCluster(fleet: Fleet, sight: ClusterSight): Steps<ClusterSight['seen']> {
  const { cluster, world } = fleet
  if (cluster === undefined) return sight.seen
  const isNeeded = needsDeployment(sight.rollout, cluster.delivery)
  const isKnown = sight.lookedAt !== undefined && world.now - sight.lookedAt < KNOWN_MS
  if (isKnown && !isNeeded) return { ...sight.seen, isFresh: false }
  sight.lookedAt = world.now
  sight.seen = { deployment: viewOf(fleet), isFresh: true }
  world.saw(cluster.resourceVersion)
  yield 'look'
  return sight.seen
}
