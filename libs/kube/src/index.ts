export { type Access, byKubeconfig, inCluster, type InClusterOptions } from './access.ts'
export {
  type Condition,
  CONFIG_ANNOTATION,
  type Deployment,
  RESTART_ANNOTATION,
  TOUCH_ANNOTATION,
} from './deployment.ts'
export { KubeCode, KubeError } from './error.ts'
export type { KubeEvent } from './events.ts'
export {
  type Kube,
  type KubeOptions,
  openKube,
  type PatchOptions,
  type WatchOptions,
} from './kube.ts'
export type { Pod, ReplicaSet } from './pods.ts'
export type { PodTrouble } from './reasons.ts'
export { rolloutStatus, type RolloutStatus } from './rollout.ts'
