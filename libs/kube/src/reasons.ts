import type { Container, RawPod } from './pods.ts'

const MESSAGE_CHARS_MAX = 300

/** Why a pod does not get ready. */
export interface PodTrouble {
  /** Kubernetes' own word, such as `ImagePullBackOff`. */
  reason: string
  /** A sentence for people, with what Kubernetes says about it. */
  message: string
  /** Whether waiting may mend it: a pod without room may find some, a wrong image stays wrong. */
  mayPass: boolean
}

/** What Kubernetes' words for a waiting container mean. Others are no trouble yet. */
const WAITING: Record<string, { says: string; mayPass: boolean }> = {
  ImagePullBackOff: { says: 'its image cannot be pulled', mayPass: false },
  ErrImagePull: { says: 'its image cannot be pulled', mayPass: false },
  ErrImageNeverPull: { says: 'its image is not on the node and may not be pulled', mayPass: false },
  InvalidImageName: { says: 'the name of its image is none', mayPass: false },
  ImageInspectError: { says: 'its image cannot be read', mayPass: false },
  RegistryUnavailable: { says: 'the registry of its image is away', mayPass: true },
  CrashLoopBackOff: { says: 'it ends again and again', mayPass: false },
  CreateContainerConfigError: {
    says: 'a Secret or ConfigMap that it names is missing',
    mayPass: false,
  },
  CreateContainerError: { says: 'it cannot be created', mayPass: false },
  RunContainerError: { says: 'it cannot be started', mayPass: false },
  PreStartHookError: { says: 'its hook before the start fails', mayPass: false },
  PostStartHookError: { says: 'its hook after the start fails', mayPass: false },
}

const sentence = (...parts: string[]): string =>
  parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join(': ')
    .slice(0, MESSAGE_CHARS_MAX)

/** The first reason in the order in which a pod comes up: node, init containers, containers. */
export function podTrouble({ status }: Pick<RawPod, 'status'>): PodTrouble | undefined {
  if (status.phase === 'Failed') {
    const reason = status.reason === '' ? 'Failed' : status.reason
    return { reason, message: sentence('the pod has failed', status.message), mayPass: false }
  }
  const scheduled = status.conditions.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False') {
    const message = sentence('no node has room for the pod', scheduled.message)
    const reason = scheduled.reason === '' ? 'Unschedulable' : scheduled.reason
    return { reason, message, mayPass: true }
  }
  for (const container of [...status.initContainerStatuses, ...status.containerStatuses]) {
    const trouble = containerTrouble(container)
    if (trouble !== undefined) return trouble
  }
  return undefined
}

function containerTrouble({ name, state, lastState }: Container): PodTrouble | undefined {
  const { waiting, terminated } = state
  const ended = terminated ?? lastState.terminated
  if (waiting !== undefined) return waitingTrouble(name, waiting, ended)
  if (terminated === undefined || terminated.exitCode === 0) return undefined
  const reason = terminated.reason === '' ? 'Error' : terminated.reason
  return { reason, message: sentence(`container ${name}`, endOf(terminated)), mayPass: true }
}

type Waiting = NonNullable<Container['state']['waiting']>
type Ended = NonNullable<Container['state']['terminated']>

function waitingTrouble(name: string, waiting: Waiting, ended?: Ended): PodTrouble | undefined {
  const known = WAITING[waiting.reason]
  if (known === undefined) return undefined
  // That it crashes says less than how it ended the last time.
  const isCrash = waiting.reason === 'CrashLoopBackOff' && ended !== undefined
  const says = isCrash ? endOf(ended) : waiting.message
  // A container that took too much memory says so only in how it ended.
  const reason = isCrash && ended.reason === 'OOMKilled' ? 'OOMKilled' : waiting.reason
  const message = sentence(`container ${name}`, known.says, says)
  return { reason, message, mayPass: known.mayPass }
}

const endOf = ({ exitCode, reason, message }: Ended): string =>
  sentence(`it ended with ${exitCode}${reason === '' ? '' : ` (${reason})`}`, message)
