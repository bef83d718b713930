import type { TemplatePair } from '@drover/model-config'
import type { Access } from './access.ts'
import { Deployment, pairPatch, touchPatch } from './deployment.ts'
import { KubeCode, KubeError } from './error.ts'
import { type KubeEvent, makeEvents } from './events.ts'
import { listAll } from './list.ts'
import { Pod, ReplicaSet } from './pods.ts'
import { makeTransport, STRATEGIC_MERGE, type TransportOptions } from './transport.ts'
import { follow } from './watch.ts'

const OBJECT_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

export interface KubeOptions extends TransportOptions {
  access: Access
  /** The namespace of everything below; the one of the access unless told. */
  namespace?: string
  /** Who writes, as Kubernetes notes it at each field. */
  fieldManager: string
}

export interface WatchOptions {
  signal: AbortSignal
  /** Hears of the Deployment as it is now: at the start, at each change, undefined when it is gone. */
  onDeployment: (deployment: Deployment | undefined) => void
  /** Hears of what is tried again. */
  onTrouble: (error: KubeError) => void
  /** How long a connection may bring nothing before another is made; 90 s unless told. */
  silenceMs?: number
  /** Goes on from this resourceVersion instead of reading the Deployment first. */
  from?: string
}

/** What Drover asks of a Kubernetes API server. Every call has a deadline and throws `KubeError`. */
export interface Kube extends AsyncDisposable {
  readonly namespace: string
  readDeployment(name: string, signal?: AbortSignal): Promise<Deployment>
  /**
   * Sets our two annotations of the template; one that is absent is taken away. With a resourceVersion it is a CONFLICT if anything of
   * the Deployment has changed since; after a lost answer also if this very call changed it.
   */
  annotate(name: string, pair: TemplatePair, options?: PatchOptions): Promise<Deployment>
  /** Changes the Deployment's resourceVersion and nothing that runs, so that an older patch conflicts. */
  touch(name: string, value: string, options?: PatchOptions): Promise<Deployment>
  listReplicaSets(deployment: Deployment, signal?: AbortSignal): Promise<ReplicaSet[]>
  listPods(deployment: Deployment, signal?: AbortSignal): Promise<Pod[]>
  /** False: there were too many, or the same one just now. */
  writeEvent(deployment: Deployment, event: KubeEvent, signal?: AbortSignal): Promise<boolean>
  /** Until the signal; correctness must not depend on it, so read now and then as well. */
  watchDeployment(name: string, options: WatchOptions): Promise<void>
}

export interface PatchOptions {
  resourceVersion?: string
  signal?: AbortSignal
}

/** Opens nothing yet: the first call does. */
export async function openKube(options: KubeOptions): Promise<Kube> {
  const { access, fieldManager } = options
  const namespace = options.namespace ?? (await access.namespace()) ?? 'default'
  const transport = makeTransport(access, options)
  const events = makeEvents(transport, { component: fieldManager })
  const base = `/apis/apps/v1/namespaces/${checked(namespace)}`

  const patch = async (name: string, body: unknown, signal?: AbortSignal): Promise<Deployment> => {
    const path = `${base}/deployments/${checked(name)}`
    const query = { fieldManager }
    const ask = { method: 'PATCH' as const, path, query, body, contentType: STRATEGIC_MERGE }
    return await transport.call(ask, Deployment, signal)
  }

  async function listReplicaSets(deployment: Deployment, signal?: AbortSignal) {
    const where = {
      path: `${base}/replicasets`,
      query: { labelSelector: deployment.selector },
    }
    const { items } = await listAll(transport, where, ReplicaSet, signal)
    // Another Deployment's selector may overlap with ours: only the owner tells whose they are.
    return items
      .filter(({ owners }) => owners.includes(deployment.uid))
      .toSorted((a, b) => b.revision - a.revision)
  }

  return {
    namespace,
    async readDeployment(name, signal) {
      const path = `${base}/deployments/${checked(name)}`
      return await transport.call({ method: 'GET', path }, Deployment, signal)
    },
    async annotate(name, pair, { resourceVersion, signal } = {}) {
      return await patch(name, pairPatch(pair, resourceVersion), signal)
    },
    async touch(name, value, { resourceVersion, signal } = {}) {
      return await patch(name, touchPatch(value, resourceVersion), signal)
    },
    listReplicaSets,
    async listPods(deployment, signal) {
      const sets = await listReplicaSets(deployment, signal)
      const ours = new Set(sets.map(({ uid }) => uid))
      const where = {
        path: `/api/v1/namespaces/${namespace}/pods`,
        query: { labelSelector: deployment.selector },
      }
      const { items } = await listAll(transport, where, Pod, signal)
      return items.filter(({ owners }) => owners.some((uid) => ours.has(uid)))
    },
    writeEvent: async (...event) => await events.write(...event),
    async watchDeployment(name, { onDeployment, ...rest }) {
      await follow(transport, {
        ...rest,
        path: `${base}/deployments`,
        // Rights that name one object cover a list and a watch only with exactly this selector.
        query: { fieldSelector: `metadata.name=${checked(name)}` },
        schema: Deployment,
        onList: ([deployment]) => onDeployment(deployment),
        onEvent: (type, item) => onDeployment(type === 'DELETED' ? undefined : item),
      })
    },
    async [Symbol.asyncDispose]() {
      transport.close()
    },
  }
}

function checked(name: string): string {
  if (OBJECT_NAME.test(name)) return name
  throw new KubeError(KubeCode.INVALID, `no name of a Kubernetes object: ${JSON.stringify(name)}`)
}
