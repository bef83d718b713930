import {
  type Deployment,
  type Kube,
  KubeError,
  type KubeEvent,
  rolloutStatus,
  TOUCH_ANNOTATION,
} from '@drover/kube'
import { ANNOTATION_CHARACTERS_MAX, type TemplatePair } from '@drover/model-config'
import type { Note } from './notes.ts'
import type { DeploymentView, SeenDeployment } from './observed.ts'
import { makePace } from './pace.ts'
import { progressOf } from './progress.ts'

/** Longest wait for one answer of the API server: nothing else is done meanwhile. */
const LOOK_MS_MAX = 2_000
const PATCH_MS_MAX = 5_000
const EVENT_MS_MAX = 5_000
/** How often it is read where nothing is decided by it. */
const AGE_MS_MAX = 2_000
/** How often the pods of a Deployment that is not done are asked what troubles them. */
const TROUBLE_MS = 5_000
const TROUBLES_MAX = 3
const TOUCH = /^\d{1,16}$/

type Trouble = SeenDeployment['trouble']

export interface ClusterOptions {
  kube: Kube
  /** The Deployment of the servers. */
  deployment: string
  now?: () => number
  onError: (error: unknown) => void
}

/** The Deployment of the servers: what it is, and the few things that are done to it. */
export function makeCluster(options: ClusterOptions) {
  const { kube, deployment: name, onError, now = () => performance.now() } = options
  const reader = makeReader(options, write)
  const pace = makePace(now)
  let view: DeploymentView = { kind: 'away', why: 'it was not read yet' }
  let hasNews = false
  let isReading = false
  let readAt = -Infinity

  function write(event: KubeEvent): void {
    const last = reader.last()
    if (last === undefined) return
    kube.writeEvent(last, event, AbortSignal.timeout(EVENT_MS_MAX)).catch(onError)
  }

  async function read(): Promise<void> {
    const beganAt = now()
    readAt = beganAt
    const next = await reader.read()
    // One that was begun later knows better.
    if (readAt !== beganAt) return
    view = next
    hasNews = true
  }

  return {
    /**
     * The Deployment as it is, or, where nothing is decided by it, as it was when it was last read:
     * an API server that hangs must not hold up a fleet that needs nothing of it.
     */
    async look(isNeeded: boolean): Promise<{ deployment: DeploymentView; isFresh: boolean }> {
      if (isNeeded) await read()
      const isFresh = hasNews
      hasNews = false
      return { deployment: view, isFresh }
    },

    /** Reads it for the next look. To be called once the channel was read, which makes it fresh. */
    refresh(): void {
      if (isReading || now() - readAt < AGE_MS_MAX) return
      isReading = true
      const end = () => {
        isReading = false
      }
      read().catch(onError).then(end, end)
    },

    /** Sets the pair. Does nothing if the Deployment is not any more what was read. */
    async patch({ pair, resourceVersion }: { pair: TemplatePair; resourceVersion: string }) {
      const signal = AbortSignal.timeout(PATCH_MS_MAX)
      await pace.once(`pair ${pair.config} ${pair.restart}`, async () => {
        return await unlessChanged(() => kube.annotate(name, pair, { resourceVersion, signal }))
      })
    },

    async touch(fence: number): Promise<void> {
      const signal = AbortSignal.timeout(PATCH_MS_MAX)
      await pace.once(`touch ${fence}`, async () => {
        await kube.touch(name, `${fence}`, { signal })
        return true
      })
    },

    /** Tells people what was decided, as an Event of the Deployment. It may fail. */
    tell({ what, why }: Note): void {
      const known = REASONS[what]
      if (known === undefined) return
      const { reason, isWarning } = known
      write({ type: isWarning ? 'Warning' : 'Normal', reason, message: why, key: why })
    },

    /** Wakes whoever waits at each change of the Deployment, until the signal. */
    async watch(signal: AbortSignal, onChange: () => void): Promise<void> {
      const onTrouble = onError
      await kube.watchDeployment(name, { signal, onDeployment: onChange, onTrouble })
    },
  }
}

/** Reads the Deployment, and tells when its pods come into trouble. */
function makeReader(options: ClusterOptions, tell: (event: KubeEvent) => void) {
  const { kube, deployment: name, onError, now = () => performance.now() } = options
  let last: Deployment | undefined
  let trouble: Trouble
  let troubleAt = -Infinity

  /** What its pods wait for is for people only: without it everything goes on. */
  async function lookAtPods(seen: Deployment, isDone: boolean): Promise<void> {
    if (!isDone && now() - troubleAt < TROUBLE_MS) return
    troubleAt = now()
    const before = trouble
    trouble = isDone ? undefined : await troubleOf(seen)
    if (trouble === undefined || trouble.message === before?.message) return
    const { message } = trouble
    tell({ type: 'Warning', reason: 'PodsNotReady', message, key: message })
  }

  async function troubleOf(seen: Deployment): Promise<Trouble> {
    try {
      const pods = await kube.listPods(seen, AbortSignal.timeout(LOOK_MS_MAX))
      const found = pods.flatMap(({ name: pod, trouble: each }) =>
        each === undefined ? [] : [{ ...each, says: `${pod}: ${each.reason}, ${each.message}` }],
      )
      if (found.length === 0) return undefined
      const said = found.slice(0, TROUBLES_MAX).map(({ says }) => says)
      return { message: said.join('; '), mayPass: found.every(({ mayPass }) => mayPass) }
    } catch (error) {
      onError(error)
      return undefined
    }
  }

  return {
    /** The Deployment as it was when it was last read. */
    last: () => last,

    async read(): Promise<DeploymentView> {
      try {
        const seen = await kube.readDeployment(name, AbortSignal.timeout(LOOK_MS_MAX))
        last = seen
        await lookAtPods(seen, rolloutStatus(seen).state === 'done')
        return viewOf(seen, trouble)
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        return { kind: 'away', why: error.message }
      }
    },
  }
}

export type Cluster = ReturnType<typeof makeCluster>

/** Whether it was done. */
async function unlessChanged(patch: () => Promise<unknown>): Promise<boolean> {
  try {
    await patch()
    return true
  } catch (error) {
    // The next look sees what came in between.
    if (!(error instanceof KubeError) || error.code !== 'CONFLICT') throw error
    return false
  }
}

/** Anybody may write anything there; what is longer than ours can be is none of ours. */
const cut = (text: string): string => text.slice(0, ANNOTATION_CHARACTERS_MAX)

function viewOf(seen: Deployment, trouble: Trouble): DeploymentView {
  const { config, restart, annotations } = seen
  const touch = annotations[TOUCH_ANNOTATION] ?? ''
  return {
    kind: 'seen',
    resourceVersion: seen.resourceVersion,
    pair: {
      ...(config !== undefined && { config: cut(config) }),
      ...(restart !== undefined && { restart: cut(restart) }),
    },
    templateSha: seen.templateSha,
    manager: seen.configManager,
    touch: TOUCH.test(touch) ? Number(touch) : undefined,
    status: rolloutStatus(seen),
    replicas: seen.replicas,
    updated: seen.updated,
    // What was counted before the last change is about other pods.
    progress: seen.observedGeneration < seen.generation ? 0 : progressOf(seen),
    trouble,
  }
}

/** Kubernetes' word for a decision, and whether it needs somebody's attention. */
const REASONS: Record<string, { reason: string; isWarning: boolean }> = {
  take: { reason: 'RolloutStarted', isWarning: false },
  'take over': { reason: 'RolloutTakenOver', isWarning: true },
  patch: { reason: 'TemplatePatched', isWarning: false },
  live: { reason: 'ConfigLive', isWarning: false },
  reject: { reason: 'ConfigRejected', isWarning: true },
  back: { reason: 'GoingBack', isWarning: true },
  release: { reason: 'RolloutEnded', isWarning: false },
  undo: { reason: 'UndoRequested', isWarning: true },
  recycle: { reason: 'RecycleStarted', isWarning: false },
}
