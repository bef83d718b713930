import { expect, test } from 'vitest'
import { rolloutStatus } from './rollout.ts'
import { deploymentOf } from './test-support/deployments.ts'

const condition = (type: string, status: string, reason: string) => ({
  status: { conditions: [{ type, status, reason, message: 'said' }] },
})

test.each([
  ['all pods are new and available', {}, 'done', '3 of 3 pods are new and available'],
  ['it is paused', { spec: { paused: true } }, 'paused', 'the Deployment is paused'],
  ['no pods are wished for', { spec: { replicas: 0 } }, 'empty', 'the Deployment has no replicas'],
  [
    'the controller has not seen the spec',
    { metadata: { generation: 4 } },
    'moving',
    'waiting for the controller to see the new spec',
  ],
  ['pods are old', { status: { updatedReplicas: 1 } }, 'moving', '1 of 3 pods are new'],
  ['old pods are left', { status: { replicas: 5 } }, 'moving', '2 old pods are ending'],
  [
    'new pods are not available',
    { status: { availableReplicas: 2 } },
    'moving',
    '2 of 3 new pods are available',
  ],
  [
    'its deadline has passed',
    condition('Progressing', 'False', 'ProgressDeadlineExceeded'),
    'failed',
    'ProgressDeadlineExceeded: said',
  ],
  [
    'no pod may be made',
    condition('ReplicaFailure', 'True', 'FailedCreate'),
    'failed',
    'FailedCreate: said',
  ],
  [
    'a failure is over',
    condition('ReplicaFailure', 'False', 'FailedCreate'),
    'done',
    '3 of 3 pods are new and available',
  ],
  [
    'a failure belongs to the spec before',
    {
      metadata: { generation: 4 },
      ...condition('Progressing', 'False', 'ProgressDeadlineExceeded'),
    },
    'moving',
    'waiting for the controller to see the new spec',
  ],
])('when %s, a rollout says so', (_when, parts, state, message) => {
  expect(rolloutStatus(deploymentOf(parts))).toEqual({ state, message })
})
