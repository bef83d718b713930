// Who asks the API server in these tests, and what for.

import { connect, createServer, type Socket } from 'node:net'
import { byKubeconfig, type Deployment, inCluster, type Kube, openKube } from '@drover/kube'
import { apiServer, NAMESPACE, podFolder } from './cluster.ts'

export const NAME = 'tf-server'
export const CONFIG = `1-${'a'.repeat(64)}`
export const ACCOUNT = 'drover-restarter'
/** An image that every cluster of the script has. */
export const PAUSE = 'cluster.local/pause:1'

/** A relay to the API server that counts the connections which were made. */
export async function startRelay() {
  const { server } = apiServer()
  const sockets = new Set<Socket>()
  let connections = 0
  const relay = createServer((inner) => {
    connections++
    const outer = connect(Number(server.port || 443), server.hostname)
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    inner.pipe(outer).pipe(inner)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  const address = relay.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: `${address.port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => relay.close(resolve))
    },
  }
}

const { KUBECONFIG = '' } = process.env
export const asAdmin = async (): Promise<Kube> =>
  await openKube({
    access: byKubeconfig(KUBECONFIG),
    namespace: NAMESPACE,
    fieldManager: 'drover-restarter',
  })

export async function asPod(
  account: string,
  folder = podFolder(account),
  port?: string,
): Promise<Kube> {
  const { server } = apiServer()
  const host = server.hostname
  const access = inCluster({ host, port: port ?? (server.port || '443'), folder })
  return await openKube({ access, fieldManager: 'drover-restarter' })
}

/** What a watch heard, and its end. */
export function startWatch(kube: Kube, from?: string) {
  const stop = new AbortController()
  const heard: (Deployment | undefined)[] = []
  const troubles: string[] = []
  const watching = kube.watchDeployment(NAME, {
    signal: stop.signal,
    onDeployment: (deployment) => heard.push(deployment),
    onTrouble: ({ code }) => troubles.push(code),
    ...(from === undefined ? {} : { from }),
  })
  return {
    heard,
    troubles,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await watching
    },
  }
}

/** A Deployment of pods with one container. */
export const deploymentOf = (name: string, container: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', ...container }] },
    },
  },
})
