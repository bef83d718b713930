import { expect, test } from 'vitest'
import { Pod } from './pods.ts'

const pod = (status: object) =>
  Pod.parse({ metadata: { name: 'p', uid: 'u' }, spec: {}, status }).trouble

const waiting = (reason: string, message = 'said', lastState = {}) => ({
  containerStatuses: [
    {
      name: 'c',
      ready: false,
      restartCount: 0,
      state: { waiting: { reason, message } },
      lastState,
    },
  ],
})
const ended = (reason: string, exitCode = 137) => ({ terminated: { exitCode, reason } })

test.each([
  ['a container is only being made', waiting('ContainerCreating'), undefined, undefined],
  ['its state is not known yet', {}, undefined, undefined],
  [
    'its image is nowhere',
    waiting('ImagePullBackOff'),
    'ImagePullBackOff',
    'container c: its image cannot be pulled: said',
  ],
  [
    'a Secret is missing',
    waiting('CreateContainerConfigError', 'secret "x" not found'),
    'CreateContainerConfigError',
    'container c: a Secret or ConfigMap that it names is missing: secret "x" not found',
  ],
  [
    'it crashes',
    waiting('CrashLoopBackOff', 'back-off 10s', ended('Error', 1)),
    'CrashLoopBackOff',
    'container c: it ends again and again: it ended with 1 (Error)',
  ],
  [
    'memory is too small for it',
    waiting('CrashLoopBackOff', 'back-off 10s', ended('OOMKilled')),
    'OOMKilled',
    'container c: it ends again and again: it ended with 137 (OOMKilled)',
  ],
  [
    'no node has room',
    {
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/2 nodes' },
      ],
    },
    'Unschedulable',
    'no node has room for the pod: 0/2 nodes',
  ],
  [
    'the node took it away',
    { phase: 'Failed', reason: 'Evicted', message: 'low on memory' },
    'Evicted',
    'the pod has failed: low on memory',
  ],
  [
    'an init container failed just now',
    {
      initContainerStatuses: [
        { name: 'pull', ready: false, restartCount: 0, state: ended('Error', 2), lastState: {} },
      ],
    },
    'Error',
    'container pull: it ended with 2 (Error)',
  ],
  [
    'an init container is done',
    {
      initContainerStatuses: [
        { name: 'pull', ready: true, restartCount: 0, state: ended('Completed', 0), lastState: {} },
      ],
    },
    undefined,
    undefined,
  ],
])('when %s, a pod says so', (_when, status, reason, message) => {
  const trouble = pod(status)

  expect(trouble?.reason).toBe(reason)
  expect(trouble?.message).toBe(message)
})
