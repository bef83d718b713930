import type { Deployment } from './deployment.ts'

/** How far a rollout is; `message` is for people. */
export type RolloutStatus =
  /** A person holds it: it moves again only after `kubectl rollout resume`. */
  | { state: 'paused'; message: string }
  /** No pods are wished for, so that nothing serves: never a success. */
  | { state: 'empty'; message: string }
  | { state: 'moving'; message: string }
  /** Kubernetes has given up waiting; it does nothing further by itself. */
  | { state: 'failed'; message: string }
  | { state: 'done'; message: string }

type Judged = Pick<
  Deployment,
  | 'generation'
  | 'observedGeneration'
  | 'paused'
  | 'replicas'
  | 'existing'
  | 'updated'
  | 'available'
  | 'conditions'
>

/** The rule of `kubectl rollout status`, with a held and an empty Deployment told apart. */
export function rolloutStatus(deployment: Judged): RolloutStatus {
  const { replicas, existing, updated, available, conditions } = deployment
  if (deployment.paused) return { state: 'paused', message: 'the Deployment is paused' }
  if (replicas === 0) return { state: 'empty', message: 'the Deployment has no replicas' }
  // Everything below would speak of the spec before this one.
  if (deployment.generation > deployment.observedGeneration) {
    return { state: 'moving', message: 'waiting for the controller to see the new spec' }
  }
  const failed = conditions.find(
    ({ type, status, reason }) =>
      (type === 'Progressing' && reason === 'ProgressDeadlineExceeded') ||
      (type === 'ReplicaFailure' && status === 'True') ||
      (type === 'Progressing' && reason === 'ReplicaSetCreateError'),
  )
  if (failed !== undefined) {
    return { state: 'failed', message: `${failed.reason}: ${failed.message}` }
  }
  if (updated < replicas) {
    return { state: 'moving', message: `${updated} of ${replicas} pods are new` }
  }
  if (existing > updated) {
    return { state: 'moving', message: `${existing - updated} old pods are ending` }
  }
  if (available < updated) {
    return { state: 'moving', message: `${available} of ${updated} new pods are available` }
  }
  return { state: 'done', message: `${available} of ${replicas} pods are new and available` }
}
