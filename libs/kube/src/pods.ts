import { z } from 'zod'
import { Condition, Texts } from './deployment.ts'
import { podTrouble } from './reasons.ts'

/** The metadata of what a Deployment is made of. */
const Metadata = z.object({
  name: z.string(),
  uid: z.string(),
  labels: Texts,
  annotations: Texts,
  ownerReferences: z.array(z.object({ kind: z.string(), uid: z.string() })).default([]),
})

const Waiting = z.object({ reason: z.string().default(''), message: z.string().default('') })
const Ended = z.object({
  exitCode: z.number(),
  reason: z.string().default(''),
  message: z.string().default(''),
})
const Moment = z.object({ waiting: Waiting.optional(), terminated: Ended.optional() }).prefault({})
const Container = z.object({
  name: z.string(),
  ready: z.boolean(),
  restartCount: z.number(),
  state: Moment,
  lastState: Moment,
})
export type Container = z.output<typeof Container>
const Containers = z.array(Container).default([])

const RawPod = z.object({
  metadata: Metadata.extend({ deletionTimestamp: z.string().optional() }),
  spec: z.object({ nodeName: z.string().optional() }),
  status: z
    .object({
      phase: z.string().default('Pending'),
      reason: z.string().default(''),
      message: z.string().default(''),
      podIP: z.string().optional(),
      conditions: z.array(Condition).default([]),
      initContainerStatuses: Containers,
      containerStatuses: Containers,
    })
    .prefault({}),
})
export type RawPod = z.output<typeof RawPod>

/** A pod, read into what tells why a rollout does not go on. */
export const Pod = RawPod.transform((pod) => ({
  name: pod.metadata.name,
  uid: pod.metadata.uid,
  owners: pod.metadata.ownerReferences.map(({ uid }) => uid),
  /** Which template of the Deployment it was made from. */
  templateHash: pod.metadata.labels['pod-template-hash'],
  annotations: pod.metadata.annotations,
  node: pod.spec.nodeName,
  address: pod.status.podIP,
  phase: pod.status.phase,
  isReady: pod.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
  isEnding: pod.metadata.deletionTimestamp !== undefined,
  restarts: pod.status.containerStatuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
  /** Why it does not get ready, where that can be told. */
  trouble: podTrouble(pod),
}))
export type Pod = z.output<typeof Pod>

const RawReplicaSet = z.object({
  metadata: Metadata.extend({ creationTimestamp: z.string() }),
  spec: z.object({
    replicas: z.number().default(1),
    template: z.object({ metadata: z.object({ annotations: Texts }).prefault({}) }),
  }),
  status: z
    .object({ replicas: z.number().default(0), readyReplicas: z.number().default(0) })
    .prefault({}),
})

/** One generation of a Deployment's pods. */
export const ReplicaSet = RawReplicaSet.transform(({ metadata, spec, status }) => ({
  name: metadata.name,
  uid: metadata.uid,
  owners: metadata.ownerReferences.map(({ uid }) => uid),
  revision: Number(metadata.annotations['deployment.kubernetes.io/revision'] ?? 0),
  templateHash: metadata.labels['pod-template-hash'],
  createdAt: metadata.creationTimestamp,
  replicas: spec.replicas,
  existing: status.replicas,
  ready: status.readyReplicas,
  templateAnnotations: spec.template.metadata.annotations,
}))
export type ReplicaSet = z.output<typeof ReplicaSet>
